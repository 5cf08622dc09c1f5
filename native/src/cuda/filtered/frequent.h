// The most frequent classes. One in 32 of 32,000 has more than half of all entries (docs/performance.md), and where
// many positions keep a class a matrix product over all of them is faster than sums over its entries. So their dz is
// written out, their rows of C are gathered, and the dense kernels of backward multiply them: dC of these classes is
// complete then, and the sums of dE begin from the product.
//
// A product reads and multiplies what nobody kept as zeros. Per class it takes 4 R D flops, while an entry takes 4 D
// bytes, mostly from the L2 cache: on Hopper as long as the product takes for 120 positions. But products come in whole
// waves of tiles, so of several bars that a class may have to clear, the device chooses the one that saves most.
#pragma once

#include "common/problem.h"
#include "cuda/carver.h"

namespace cce::cuda::filtered {

// Of results that a thread block computes at a time.
struct ProductTile {
    int32_t lines;
    int32_t columns;
    bool splits;  // whether blocks may share a tile of dC, each with a part of its sum
};

struct Frequent {
    static constexpr uint16_t kNone = UINT16_MAX;

    uint16_t *places;       // (V): of each class among the frequent ones, or kNone
    int64_t *classes;       // (most): ascending; how many there are says control->frequent_classes
    void *classifier;       // (most, D): their rows of C
    void *dz[2];            // (R, most): for dE and for dC, the same unless they are filtered differently
    float *sums;            // (R, D): their share of dE
    float *partials;        // of dC, where blocks share tiles
    int64_t partial_tiles;  // that there is room for
    int64_t most;           // and pitch of dz. 0: this is not for the problem
    ProductTile tile;

    // What fits into `bytes`.
    static Frequent at(const Problem &p, const ProductTile &tile, bool separate_dz, float *sums, int64_t bytes,
                       Carver *carver);
};

}  // namespace cce::cuda::filtered
