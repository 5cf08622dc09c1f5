// How a problem is cut into pieces. It follows from the shape (and the width of the vectors) alone, never from the
// number of threads, and so does the order of every sum.
//
//   tokens:  super-blocks of up to 512, made of panels as wide as a tile
//   classes: blocks of kBlockClasses; forward merges segments of them, backward works through chunks of them
//   hidden:  panels as wide as a tile
#pragma once

#include "common/problem.h"
#include "cpu/kernels/table.h"

namespace cce::cpu {

struct Blocking {
    int64_t panel;           // lanes of a panel
    int64_t lanes;           // lanes of a vector
    int64_t super_tokens;    // tokens of a super-block, whole panels
    int64_t token_panels;    // of a super-block
    int64_t hidden_panels;
    int64_t blocks;          // of classes
    int64_t segment_blocks;  // blocks of a segment
    int64_t segments;
    int64_t chunk_blocks;    // blocks of a chunk
    int64_t chunks;

    int32_t vectors_of(int64_t count, int64_t index) const {
        const int64_t rest = count - index * panel;
        return static_cast<int32_t>(div_up(rest < panel ? rest : panel, lanes));
    }
    int64_t hidden_padded() const { return hidden_panels * panel; }
    int64_t tile_floats() const { return kBlockClasses * panel; }
    int32_t block_rows(const Problem &p, int64_t block) const {
        const int64_t rest = p.spec.classes - block * kBlockClasses;
        return static_cast<int32_t>(rest < kBlockClasses ? rest : kBlockClasses);
    }
};

Blocking make_blocking(const Problem &p, const KernelTable &kernels);

}  // namespace cce::cpu
