// What is known of a unit before its logits are: its positions, and what the filters need of them and of its classes.
#pragma once

#include "cuda/filtered/live.cuh"

namespace cce::cuda::filtered {

// In shared memory.
struct UnitInputs {
    int32_t positions[kUnitRows];  // -1: there is none
    float lse[kUnitRows];
    int32_t target[kUnitRows];     // class of the tile, or any other number
    float bias[kTileClasses];
    int32_t tile;
};

// The tile of a number, that of a unit say, searched from `tile` on; first[tile] is the first number of a tile. By one
// warp.
__device__ inline int32_t find_tile(const uint32_t *first, int32_t tile, int32_t end_tile, uint32_t number) {
    for (;; tile += kWarp) {
        const int32_t own = tile + lane_of();
        const bool behind = own < end_tile && first[own + 1] > number;
        const uint32_t found = __ballot_sync(kAllLanes, behind);
        if (found != 0) return tile + __ffs(static_cast<int>(found)) - 1;
    }
}

// The live positions of a tile from rank `first` on, of as many units as there are; all are -1 already.
template <int kUnits, typename Team>
__device__ void list_positions(const Team &team, UnitInputs *units, const Work &work, const Window &window,
                               int32_t tile, uint32_t first) {
    constexpr int kWords = kBlockRows / 32;
    constexpr int kRows = kUnits * kUnitRows;
    static_assert(Team::kThreads % kWords == 0);
    const int32_t word = team.thread() % kWords;
#pragma unroll 1
    for (int32_t block = window.first_block() + team.thread() / kWords; block < window.end_block();
         block += Team::kThreads / kWords) {
        const Live live = live_of(work, window, tile, block);
        uint32_t rank = work.lists.rank[static_cast<int64_t>(tile) * work.lists.blocks + block];
        uint32_t bits = live.words[0];
#pragma unroll
        for (int next = 1; next < kWords; ++next) {
            if (word < next) continue;
            rank += __popc(bits);
            bits = live.words[next];
        }
        if (rank >= first + kRows || rank + __popc(bits) <= first) continue;
#pragma unroll 1
        for (; bits != 0; bits &= bits - 1, ++rank) {
            const uint32_t row = rank - first;  // in unsigned numbers: not below `first` either
            if (row < kRows)
                units[row / kUnitRows].positions[row % kUnitRows] =
                    block * kBlockRows + word * 32 + __ffs(static_cast<int>(bits)) - 1;
        }
    }
}

// Fills in what `kUnits` units of a tile, which follow each other, have of the tile, and their positions, from its live
// position `first` on, which exists. The whole team must call it.
template <int kUnits, typename Team>
__device__ void begin_units(const Team &team, UnitInputs *units, const Work &work, const Window &window, int32_t tile,
                            uint32_t first) {
    constexpr int kRows = kUnits * kUnitRows;
    share_out<kRows>(team, [&](int row) { units[row / kUnitRows].positions[row % kUnitRows] = -1; });
    team.sync();
    list_positions<kUnits>(team, units, work, window, tile, first);
    share_out<kUnits>(team, [&](int unit) { units[unit].tile = tile; });
    share_out<kTileClasses>(team, [&](int c) {
        const int32_t j = tile * kTileClasses + c;
        const float bias = j < work.classes() ? work.logits.map.bias_of(j) : 0.0f;
#pragma unroll
        for (int unit = 0; unit < kUnits; ++unit) units[unit].bias[c] = bias;
    });
}

// Then what they have of their positions. Calls set_token(row, token) with the row of E of each position, counted over
// the units; in place of one that does not exist comes one that does. The whole team must call it, and waits for itself
// at the end.
template <int kUnits, typename Team, typename SetToken>
__device__ void complete_units(const Team &team, UnitInputs *units, const Work &work, int32_t tile,
                               SetToken set_token) {
    team.sync();
    share_out<kUnits * kUnitRows>(team, [&](int row) {
        UnitInputs &unit = units[row / kUnitRows];
        const int32_t i = unit.positions[row % kUnitRows];
        const int32_t some = i >= 0 ? i : units[0].positions[0];
        set_token(row, work.tokens[some]);
        const RowGradient gradient = work.rows[some];
        unit.lse[row % kUnitRows] = gradient.lse;
        const int64_t target = gradient.target - static_cast<int64_t>(tile) * kTileClasses;
        unit.target[row % kUnitRows] = gradient.target >= 0 && target >= 0 && target < kTileClasses
                                           ? static_cast<int32_t>(target) : -1;
    });
    team.sync();
}

}  // namespace cce::cuda::filtered
