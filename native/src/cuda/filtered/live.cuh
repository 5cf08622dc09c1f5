// Which positions are live in which tile, and how they are numbered.
#pragma once

#include "cuda/filtered/work.cuh"

namespace cce::cuda::filtered {

// Of the `existing` positions from `i` on, 4 at the most, one bit each: whether a code of the tile's segments allows
// for anything kept. A state without codes allows for everything.
__device__ inline uint32_t live_by_codes(const Work &work, int32_t tile, int64_t i, int64_t existing, uint32_t least) {
    const int64_t segment_classes = work.header->segment_classes;
    if (segment_classes == 0) return 0xF;
    if (existing <= 0) return 0;
    const int64_t first_class = static_cast<int64_t>(tile) * kTileClasses;
    const int64_t last_class = Minimum()(first_class + kTileClasses, work.logits.classes) - 1;
    uint32_t live = 0;
    for (int64_t segment = first_class / segment_classes; segment <= last_class / segment_classes; ++segment) {
        const uint8_t *codes = work.codes + segment * work.code_pitch + i;
        uint32_t four = 0;
        if (existing >= 4)
            four = *reinterpret_cast<const uint32_t *>(codes);
        else  // nobody wrote the others
            for (int64_t k = 0; k < existing; ++k) four |= static_cast<uint32_t>(codes[k]) << 8 * k;
        live |= __vcmpgeu4(four, least);
    }
    return ((live & 0x08040201) * 0x01010101) >> 24;
}

// The live positions of a block, by a warp.
__device__ inline void mark_block(const Work &work, int32_t tile, int32_t block) {
    const int32_t lane = lane_of();
    const int64_t i = static_cast<int64_t>(block) * kBlockRows + lane * 4;
    const int64_t valid = work.control->valid;
    const uint32_t least = *reinterpret_cast<const uint32_t *>(work.least_live + i);
    const int4 target = *reinterpret_cast<const int4 *>(work.target_tile + i);
    const int64_t existing = valid - i;
    uint32_t live = live_by_codes(work, tile, i, existing, least);
    live |= (target.x == tile) | (target.y == tile) << 1 | (target.z == tile) << 2 | (target.w == tile) << 3;
    if (existing < 4) live &= existing <= 0 ? 0u : (1u << existing) - 1;
    uint32_t word = live << (lane % 8 * 4);
#pragma unroll
    for (int distance = 1; distance < 8; distance *= 2) word |= __shfl_xor_sync(kAllLanes, word, distance);
    if (lane % 8 == 0) work.lists.live[static_cast<int64_t>(tile) * work.lists.blocks + block].words[lane / 8] = word;
}

// The bits of word `word` of a block that belong to the window.
__device__ inline uint32_t window_bits(const Window &window, int32_t block, int32_t word) {
    const int32_t first = window.first_row - (block * kBlockRows + word * 32);
    const int32_t end = window.end_row - (block * kBlockRows + word * 32);
    const uint32_t from = first <= 0 ? ~0u : first >= 32 ? 0u : ~0u << first;
    const uint32_t until = end >= 32 ? ~0u : end <= 0 ? 0u : (1u << end) - 1;
    return from & until;
}

__device__ inline Live live_of(const Work &work, const Window &window, int32_t tile, int32_t block) {
    Live live = work.lists.live[static_cast<int64_t>(tile) * work.lists.blocks + block];
#pragma unroll
    for (int word = 0; word < kBlockRows / 32; ++word) live.words[word] &= window_bits(window, block, word);
    return live;
}

__device__ inline uint32_t count_of(const Live &live) {
    return __popc(live.words[0]) + __popc(live.words[1]) + __popc(live.words[2]) + __popc(live.words[3]);
}

// Whether a position is live, and its rank in its block.
__device__ inline bool is_live(const Live &live, int32_t i, uint32_t *rank) {
    const int32_t word = i % kBlockRows / 32;
    const uint32_t below = (1u << i % 32) - 1;
    bool found = false;
    *rank = 0;
#pragma unroll
    for (int w = 0; w < kBlockRows / 32; ++w) {
        if (w < word) *rank += __popc(live.words[w]);
        if (w != word) continue;
        *rank += __popc(live.words[w] & below);
        found = live.words[w] >> i % 32 & 1;
    }
    return found;
}

// Ranks of the blocks of a tile. The whole block of threads must call it.
__device__ inline void rank_blocks(const Work &work, const Window &window, int32_t tile) {
    uint32_t before = 0;
    for (int32_t first = window.first_block(); first < window.end_block(); first += kBlockThreads) {
        const int32_t block = first + static_cast<int32_t>(threadIdx.x);
        const bool exists = block < window.end_block();
        uint32_t total;
        const uint32_t rank = scan_block(exists ? count_of(live_of(work, window, tile, block)) : 0, &total);
        if (exists) work.lists.rank[static_cast<int64_t>(tile) * work.lists.blocks + block] = before + rank;
        before += total;
    }
    if (threadIdx.x == 0) work.lists.tile_rows[tile] = before;
}

// Marks all tiles and ranks their blocks in the window of all; clears the counts. The whole grid.
__device__ inline void mark_live(const Work &work, const Window &all) {
    const int32_t thread = static_cast<int32_t>(blockIdx.x * kBlockThreads + threadIdx.x);
    const int32_t threads = static_cast<int32_t>(gridDim.x) * kBlockThreads;
    for (int32_t i = thread; i < all.end_row; i += threads) work.lists.row_entries[i] = 0;
    for (int32_t g = thread; g * kGroupClasses < all.end_class; g += threads) work.lists.group_entries[g] = 0;
    for (int32_t tile = blockIdx.x; tile < all.end_tile(); tile += gridDim.x) {
        for (int32_t block = warp_of(); block < all.end_block(); block += kWarps) mark_block(work, tile, block);
        __syncthreads();
        rank_blocks(work, all, tile);
    }
}

__device__ inline void rank_tiles(const Work &work, const Window &window) {
    for (int32_t tile = window.first_tile() + static_cast<int32_t>(blockIdx.x); tile < window.end_tile();
         tile += gridDim.x)
        rank_blocks(work, window, tile);
}

// first[tile] = sum of count_of(tile) over the tiles of the window before it, up to the window's end. Returns the sum
// of all. The whole block must call it.
template <typename CountOf>
__device__ uint32_t number_by_tile(const Window &window, uint32_t *first, CountOf count_of) {
    const int32_t tiles = window.end_tile() - window.first_tile();
    const int32_t each = (tiles + kBlockThreads - 1) / kBlockThreads;
    const int32_t begin = window.first_tile() + static_cast<int32_t>(threadIdx.x) * each;
    const int32_t end = Minimum()(begin + each, window.end_tile());
    uint32_t own = 0;
    for (int32_t tile = begin; tile < end; ++tile) own += count_of(tile);
    uint32_t total;
    uint32_t before = scan_block(own, &total);
    for (int32_t tile = begin; tile < end; ++tile) {
        first[tile] = before;
        before += count_of(tile);
    }
    if (threadIdx.x == 0) first[window.end_tile()] = total;
    return total;
}

// Numbers the units of the window and starts its counters. By the first block.
__device__ inline void number_units(const Work &work, const Window &window) {
    if (blockIdx.x != 0) return;
    const uint32_t units = number_by_tile(window, work.lists.tile_unit, [&](int32_t tile) {
        return (work.lists.tile_rows[tile] + kUnitRows - 1) / kUnitRows;
    });
    if (threadIdx.x == 0) *work.lists.counters = {0, units, 0};
}

// Numbers the units of the window two by two. By the last block, since the first one has the units.
__device__ inline void number_pairs(const Work &work, const Window &window) {
    if (blockIdx.x != gridDim.x - 1) return;
    number_by_tile(window, work.lists.tile_pair, [&](int32_t tile) {
        return (work.lists.tile_rows[tile] + 2 * kUnitRows - 1) / (2 * kUnitRows);
    });
}

// The ranks of the blocks of a tile, where a warp looks for the block of a rank: in registers if there are few.
class BlockRanks {
public:
    __device__ BlockRanks(const Work &work, const Window &window, int32_t tile)
        : ranks_(work.lists.rank + static_cast<int64_t>(tile) * work.lists.blocks + window.first_block()),
          count_(window.end_block() - window.first_block()) {
        if (count_ > 2 * kWarp) return;
        even_ = 2 * lane_of() < count_ ? ranks_[2 * lane_of()] : ~0u;
        odd_ = 2 * lane_of() + 1 < count_ ? ranks_[2 * lane_of() + 1] : ~0u;
    }

    // The last block of the window that begins at `rank` or before, and its own rank. The whole warp must call it.
    __device__ int32_t find(uint32_t rank, uint32_t *of_block) const {
        int32_t block = 0;
        uint32_t begins = __shfl_sync(kAllLanes, even_, 0);
        if (count_ <= 2 * kWarp) {
#pragma unroll
            for (int step = kWarp; step > 0; step /= 2) {
                const int32_t next = block + step;
                const uint32_t of_even = __shfl_sync(kAllLanes, even_, next / 2);
                const uint32_t of_odd = __shfl_sync(kAllLanes, odd_, next / 2);
                const uint32_t value = next % 2 == 0 ? of_even : of_odd;
                if (value > rank) continue;
                block = next;
                begins = value;
            }
        } else {
            for (int32_t end = count_; end - block > 1;) {
                const int32_t middle = (block + end) / 2;
                if (ranks_[middle] <= rank)
                    block = middle;
                else
                    end = middle;
            }
            begins = ranks_[block];
        }
        *of_block = begins;
        return block;
    }

private:
    const uint32_t *ranks_;
    int32_t count_;
    uint32_t even_ = 0, odd_ = 0;
};

// The counting position of live position `rank` of a tile. The whole warp must call it, with ranks that exist.
__device__ inline int32_t position_of(const Work &work, const Window &window, const BlockRanks &ranks, int32_t tile,
                                      uint32_t rank) {
    uint32_t of_block;
    const int32_t block = window.first_block() + ranks.find(rank, &of_block);
    const Live live = live_of(work, window, tile, block);
    uint32_t left = rank - of_block;
    int32_t i = block * kBlockRows;
    uint32_t bits = live.words[0];
#pragma unroll
    for (int word = 1; word < kBlockRows / 32; ++word) {
        const uint32_t count = __popc(bits);
        if (left < count || i % kBlockRows + 32 != word * 32) continue;
        left -= count;
        bits = live.words[word];
        i += 32;
    }
    for (; left > 0; --left) bits &= bits - 1;
    return i + __ffs(static_cast<int>(bits)) - 1;
}

}  // namespace cce::cuda::filtered
