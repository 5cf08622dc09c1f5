// Computes the logits of live positions again, one unit a time, and lists those that the filters keep. 2 * D flops for
// each of 128 x 192 logits on the tensor cores bound it: units of the same tile follow each other, so that their
// classes stay in the L2 cache, where E is anyway. A family brings its Product:
//
//     using Element;                            of E and C
//     static constexpr int kStageBytes;         of one step in shared memory, which holds kStages of them
//     using Sums;                               a thread's share of 128 x 192 dot products, of kRows slots and kClasses
//                                               classes: slot_of(r), class_of(n), value(sums, r, n)
//     static void multiply(Sums &, char *stages, const Logits &, const char *const *rows, int32_t tile);
//                                               the whole block; `rows` has the row of E of each slot, in shared
//                                               memory; the stages are free at its return
#pragma once

#include "cuda/filtered/live.cuh"

namespace cce::cuda::filtered {

// Shared memory beside the stages of the product.
struct UnitShared {
    const char *rows[kUnitRows];        // of E
    int32_t positions[kUnitRows];       // -1: there is none
    float lse[kUnitRows];
    int32_t target[kUnitRows];          // class of the tile, or any other number
    float bias[kTileClasses];
    uint32_t row_bits[kUnitRows][kTileClasses / 32];
    uint32_t class_bits[kTileClasses][kUnitRows / 32];
    Unit unit;
    int32_t tile;
    bool stored;
};

// Where the kept logits of a unit lie in place of the stages; columns of one row and rows of one column are in
// different banks.
using KeptTile = float[kUnitRows][kTileClasses + 1];
constexpr uint32_t kDropped = 0xFFFFFFFF;  // a NaN that no operation gives

__device__ inline uint32_t lanes_below() { return (1u << lane_of()) - 1; }

// The tile of a unit, searched from `tile` on. By one warp.
__device__ inline int32_t find_tile(const Work &work, int32_t tile, int32_t end_tile, uint32_t unit) {
    for (;; tile += kWarp) {
        const int32_t own = tile + lane_of();
        const bool behind = own < end_tile && work.lists.tile_unit[own + 1] > unit;
        const uint32_t found = __ballot_sync(kAllLanes, behind);
        if (found != 0) return tile + __ffs(static_cast<int>(found)) - 1;
    }
}

// The live positions of ranks [first, first + 128) of a tile.
__device__ inline void list_positions(UnitShared &shared, const Work &work, const Window &window, int32_t tile,
                                      uint32_t first) {
    if (threadIdx.x < kUnitRows) shared.positions[threadIdx.x] = -1;
    __syncthreads();
    constexpr int kWords = kBlockRows / 32;
    const int32_t words = (window.end_block() - window.first_block()) * kWords;
    for (int32_t q = threadIdx.x; q < words; q += kBlockThreads) {
        const int32_t block = window.first_block() + q / kWords;
        const Live live = live_of(work, window, tile, block);
        uint32_t rank = work.lists.rank[static_cast<int64_t>(tile) * work.lists.blocks + block];
        uint32_t bits = 0;
#pragma unroll
        for (int word = 0; word < kWords; ++word) {
            if (word < q % kWords) rank += __popc(live.words[word]);
            if (word == q % kWords) bits = live.words[word];
        }
        if (rank >= first + kUnitRows || rank + __popc(bits) <= first) continue;
        for (; bits != 0; bits &= bits - 1, ++rank)
            if (rank - first < kUnitRows)  // in unsigned numbers: not below `first` either
                shared.positions[rank - first] =
                    block * kBlockRows + q % kWords * 32 + __ffs(static_cast<int>(bits)) - 1;
    }
    __syncthreads();
}

template <typename T>
__device__ void fetch_rows(UnitShared &shared, const Work &work, int32_t tile) {
    if (threadIdx.x < kTileClasses) {
        const int32_t j = tile * kTileClasses + static_cast<int32_t>(threadIdx.x);
        shared.bias[threadIdx.x] = j < work.classes() ? work.logits.map.bias_of(j) : 0.0f;
    }
    if (threadIdx.x < kUnitRows) {
        const int32_t i = shared.positions[threadIdx.x];
        const int32_t some = i >= 0 ? i : shared.positions[0];
        shared.rows[threadIdx.x] = reinterpret_cast<const char *>(static_cast<const T *>(work.logits.embeddings) +
                                                                  work.tokens[some] * work.logits.hidden);
        const RowGradient row = work.rows[some];
        shared.lse[threadIdx.x] = row.lse;
        const int64_t target = row.target - static_cast<int64_t>(tile) * kTileClasses;
        shared.target[threadIdx.x] = row.target >= 0 && target >= 0 && target < kTileClasses
                                         ? static_cast<int32_t>(target) : -1;
    }
    __syncthreads();
}

// Writes the logits that are kept where everybody can read them. The stages must be free.
template <typename Product, bool kCapped>
__device__ void keep(const UnitShared &shared, KeptTile &kept, const Work &work, const Window &window, int32_t tile,
                     const typename Product::Sums &sums, float threshold) {
    const LogitMap &map = work.logits.map;
    float shift[Product::kRows];
    int32_t target[Product::kRows];
    bool exists[Product::kRows];
#pragma unroll
    for (int r = 0; r < Product::kRows; ++r) {
        shift[r] = shared.lse[Product::slot_of(r)];
        target[r] = shared.target[Product::slot_of(r)];
        exists[r] = shared.positions[Product::slot_of(r)] >= 0;
    }
    const int32_t first = window.first_class - tile * kTileClasses;
    const int32_t end = window.end_class - tile * kTileClasses;
#pragma unroll
    for (int n = 0; n < Product::kClasses; ++n) {
        const int32_t c = Product::class_of(n);
        const bool in_window = c >= first && c < end;
        const float bias = shared.bias[c];
#pragma unroll
        for (int r = 0; r < Product::kRows; ++r) {
            const float x = Product::value(sums, r, n) + bias;
            const float z = kCapped ? map.cap_scale * fast_tanh(x * map.inverse_softcap) : x * map.inverse_temperature;
            const bool below = probability(z, shift[r]) < threshold;
            const bool wanted = in_window && exists[r] && (!below || c == target[r]);
            kept[Product::slot_of(r)][c] = wanted ? z : __uint_as_float(kDropped);
        }
    }
}

// Bits and offsets of what is kept. Returns the number of entries.
__device__ inline uint32_t index_unit(UnitShared &shared, const KeptTile &kept) {
    const int32_t lane = lane_of();
#pragma unroll 4
    for (int32_t slot = warp_of(); slot < kUnitRows; slot += kWarps)
#pragma unroll
        for (int word = 0; word < kTileClasses / 32; ++word) {
            const uint32_t bits =
                __ballot_sync(kAllLanes, __float_as_uint(kept[slot][word * 32 + lane]) != kDropped);
            if (lane == word) shared.row_bits[slot][word] = bits;
        }
#pragma unroll 4
    for (int32_t c = warp_of(); c < kTileClasses; c += kWarps)
#pragma unroll
        for (int word = 0; word < kUnitRows / 32; ++word) {
            const uint32_t bits = __ballot_sync(kAllLanes, __float_as_uint(kept[word * 32 + lane][c]) != kDropped);
            if (lane == word) shared.class_bits[c][word] = bits;
        }
    __syncthreads();
    // Offsets: warp 0 those of the slots, warp 1 those of the classes, a few neighbours a lane.
    const auto offsets = [&](auto count_of_line, int lines, uint16_t *first) {
        const int each = lines / kWarp;
        uint32_t own = 0;
        for (int k = 0; k < each; ++k) own += count_of_line(lane * each + k);
        uint32_t total;
        uint32_t before = scan_lanes(own, &total);
        for (int k = 0; k < each; ++k) {
            first[lane * each + k] = static_cast<uint16_t>(before);
            before += count_of_line(lane * each + k);
        }
        if (lane == 0) first[lines] = static_cast<uint16_t>(total);
    };
    if (warp_of() == 0)
        offsets([&](int slot) {
            uint32_t count = 0;
            for (int word = 0; word < kTileClasses / 32; ++word) count += __popc(shared.row_bits[slot][word]);
            return count;
        }, kUnitRows, shared.unit.rows);
    if (warp_of() == 1)
        offsets([&](int c) {
            uint32_t count = 0;
            for (int word = 0; word < kUnitRows / 32; ++word) count += __popc(shared.class_bits[c][word]);
            return count;
        }, kTileClasses, shared.unit.classes);
    __syncthreads();
    return shared.unit.rows[kUnitRows];
}

// Takes a place in the lists. Where it lies depends on timing; what is listed, and in which order it is read, does not.
__device__ inline void reserve(UnitShared &shared, const Work &work, uint32_t unit, uint32_t count) {
    if (threadIdx.x == 0) {
        const unsigned long long first =
            atomicAdd(&work.lists.counters->entries, static_cast<unsigned long long>(count));
        shared.unit.first = static_cast<uint32_t>(first);
        shared.stored = unit < work.lists.most_units && first + count <= work.lists.most_entries;
    }
    __syncthreads();
}

__device__ inline void store_entries(const UnitShared &shared, const KeptTile &kept, const Work &work, uint32_t unit) {
    const Lists &lists = work.lists;
    const int32_t lane = lane_of();
    const uint32_t first = shared.unit.first;
    constexpr int kUnitWords = sizeof(Unit) / sizeof(uint32_t);
    static_assert(sizeof(Unit) % sizeof(uint32_t) == 0, "copied word by word");
    for (int word = threadIdx.x; word < kUnitWords; word += kBlockThreads)
        reinterpret_cast<uint32_t *>(lists.units + unit)[word] =
            reinterpret_cast<const uint32_t *>(&shared.unit)[word];
    for (int32_t c = warp_of(); c < kTileClasses; c += kWarps) {
        uint32_t place = first + shared.unit.classes[c];
        if (shared.unit.classes[c] == shared.unit.classes[c + 1]) continue;
#pragma unroll
        for (int word = 0; word < kUnitRows / 32; ++word) {
            const uint32_t bits = shared.class_bits[c][word];
            if (bits >> lane & 1) {
                const uint32_t at = place + __popc(bits & lanes_below());
                lists.logits[at] = kept[word * 32 + lane][c];
                lists.slots[at] = static_cast<uint8_t>(word * 32 + lane);
            }
            place += __popc(bits);
        }
    }
    for (int32_t slot = warp_of(); slot < kUnitRows; slot += kWarps) {
        uint32_t at = first + shared.unit.rows[slot];
        if (shared.unit.rows[slot] == shared.unit.rows[slot + 1]) continue;
#pragma unroll
        for (int word = 0; word < kTileClasses / 32; ++word) {
            const uint32_t bits = shared.row_bits[slot][word];
            if (bits >> lane & 1) {
                const int c = word * 32 + lane;
                uint32_t place = shared.unit.classes[c];
                for (int w = 0; w < slot / 32; ++w) place += __popc(shared.class_bits[c][w]);
                place += __popc(shared.class_bits[c][slot / 32] & ((1u << slot % 32) - 1));
                lists.classes[at + __popc(bits & lanes_below())] = static_cast<uint8_t>(c);
                lists.places[at + __popc(bits & lanes_below())] = static_cast<uint16_t>(place);
            }
            at += __popc(bits);
        }
    }
}

// How many entries each position and group of classes has, for the choice of windows.
__device__ inline void count_entries(const UnitShared &shared, const Work &work, int32_t tile) {
    if (threadIdx.x < kUnitRows) {
        const uint32_t count = shared.unit.rows[threadIdx.x + 1] - shared.unit.rows[threadIdx.x];
        if (count > 0) atomicAdd(&work.lists.row_entries[shared.positions[threadIdx.x]], count);
    } else if (threadIdx.x < kUnitRows + kTileClasses / kGroupClasses) {
        const int32_t group = static_cast<int32_t>(threadIdx.x) - kUnitRows;
        const uint32_t count = shared.unit.classes[(group + 1) * kGroupClasses] -
                               shared.unit.classes[group * kGroupClasses];
        if (count > 0)
            atomicAdd(&work.lists.group_entries[tile * (kTileClasses / kGroupClasses) + group], count);
    }
}

// All units of the window. `counted`: entries are counted by position and class too. The whole grid.
template <typename Product>
__device__ void compute_units(UnitShared &shared, char *stages, const Work &work, const Window &window, bool counted) {
    KeptTile &kept = *reinterpret_cast<KeptTile *>(stages);
    static_assert(sizeof(KeptTile) <= Product::kStages * Product::kStageBytes);
    const float threshold = work.least_threshold();
    const uint32_t units = work.lists.counters->units;
    int32_t tile = window.first_tile();
    for (uint32_t unit = blockIdx.x; unit < units; unit += gridDim.x) {
        __syncthreads();  // the last unit's shared memory is free
        if (warp_of() == 0) {
            tile = find_tile(work, tile, window.end_tile(), unit);
            if (lane_of() == 0) shared.tile = tile;
        }
        __syncthreads();
        tile = shared.tile;
        list_positions(shared, work, window, tile, (unit - work.lists.tile_unit[tile]) * kUnitRows);
        fetch_rows<typename Product::Element>(shared, work, tile);
        typename Product::Sums sums;
        Product::multiply(sums, stages, work.logits, shared.rows, tile);
        if (work.logits.map.capped)
            keep<Product, true>(shared, kept, work, window, tile, sums, threshold);
        else
            keep<Product, false>(shared, kept, work, window, tile, sums, threshold);
        __syncthreads();
        const uint32_t count = index_unit(shared, kept);
        reserve(shared, work, unit, count);
        if (shared.stored) store_entries(shared, kept, work, unit);
        if (counted) count_entries(shared, work, tile);
    }
}

}  // namespace cce::cuda::filtered
