// The entries of the lists as the terms of sums, where there is memory for them: those of a class, or of a position,
// one after another, so that who sums them reads them at once. To collect them from the lists takes one load that waits
// for another, five in a row; kernels that do nothing else have enough warps to hide that, those that sum do not.
#pragma once

#include "common/problem.h"
#include "cuda/carver.h"
#include "cuda/filtered/lists.cuh"

namespace cce::cuda::filtered {

// A row of the other matrix and its factor.
struct alignas(8) Term {
    int32_t row;
    float dz;
};

struct TermRange {
    uint32_t first;
    uint32_t count;
};

// What is known of a tile of classes before it is of those ahead of it: terms, parts of them, and frequent classes at
// each bar.
struct TileCounts {
    uint32_t terms;
    uint32_t parts;
    uint32_t frequent[kBars];
};

constexpr uint32_t kPartTerms = 256;  // of a group of classes, that a warp lists at a time

struct ListedTerms {
    uint32_t *class_begin;   // (V + 1): those of class j are [class_begin[j], class_begin[j + 1]) of by_class
    uint32_t *group_part;    // (groups + 1): the first part of each group of kGroupClasses
    TileCounts *of_tile;     // (tiles)
    TermRange *of_position;  // (R): those of counting position i, of by_position
    Term *by_class;
    Term *by_position;

    static ListedTerms at(const Problem &p, const Lists &lists, Carver *carver) {
        const int64_t entries = lists.most_entries;
        return {carver->take<uint32_t>(p.spec.classes + 1),
                carver->take<uint32_t>(div_up(p.spec.classes, kGroupClasses) + 1),
                carver->take<TileCounts>(lists.tiles),
                carver->take<TermRange>(p.rows),
                carver->take<Term>(entries),
                carver->take<Term>(entries)};
    }

    bool exist() const { return class_begin != nullptr; }
};

}  // namespace cce::cuda::filtered
