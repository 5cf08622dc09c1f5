// Computes the logits of live positions again, one unit a time, and lists those that the filters keep. 2 * D flops for
// each of 128 x 192 logits on the tensor cores bound it: units of the same tile follow each other, so that their
// classes stay in the L2 cache, where E is anyway. A family brings its Product:
//
//     using Element;                            of E and C
//     static constexpr int kStageBytes;         of one step in shared memory, which holds kStages of them
//     using Sums;                               a thread's share of 128 x 192 dot products, of kRows slots and kClasses
//                                               classes: slot_of(r), class_of(n), value(sums, r, n)
//     Product(char *stages, const Logits &, const char *const *rows, int32_t tile);
//                                               begins to load to the stages, which must be free, what the product
//                                               takes first; `rows` has the row of E of each slot, in shared memory
//     void multiply(Sums &);                    once; the stages are free at its return
//
// The whole block calls both. Sums stay in registers: each thread marks those of its own that are kept, one bit each in
// shared memory, and stores them where the bits say how many are before them. Meanwhile the next unit is being loaded.
#pragma once

#include "cuda/filtered/live.cuh"

namespace cce::cuda::filtered {

// Which logits of a unit are kept, a bit each, and how many of them are before each word of 32. A line is a slot or a
// class, its columns are the other.
template <int kLines, int kColumns>
struct KeptBits {
    static constexpr int kLineWords = kColumns / 32;
    static constexpr int kWords = kLines * kLineWords;
    static constexpr int kParts = kBlockThreads / 2;  // equal ones, each numbered by a thread
    static constexpr int kPartWords = kWords / kParts;
    static_assert(kLineWords * 32 == kColumns && kPartWords * kParts == kWords);

    uint32_t bits[kWords];
    uint16_t before[kWords + 1];

    __device__ void mark(int line, int column) {
        atomicOr(&bits[line * kLineWords + column / 32], 1u << column % 32);
    }

    __device__ uint32_t count(int part) const {
        uint32_t sum = 0;
#pragma unroll
        for (int word = 0; word < kPartWords; ++word) sum += __popc(bits[part * kPartWords + word]);
        return sum;
    }

    // `first`: how many are before the part.
    __device__ void number(int part, uint32_t first) {
#pragma unroll
        for (int word = 0; word < kPartWords; ++word) {
            before[part * kPartWords + word] = static_cast<uint16_t>(first);
            first += __popc(bits[part * kPartWords + word]);
        }
        if (part == kParts - 1) before[kWords] = static_cast<uint16_t>(first);
    }

    // Once all is numbered: the place of an entry in the order by line, and that of the first one of a line.
    __device__ uint32_t place(int line, int column) const {
        const int word = line * kLineWords + column / 32;
        return before[word] + __popc(bits[word] & ((1u << column % 32) - 1));
    }
    __device__ uint16_t first(int line) const { return before[line * kLineWords]; }
    __device__ uint32_t entries(int line) const { return first(line + 1) - first(line); }
};

// What a unit has in shared memory beside the stages of the product.
struct UnitShared {
    const char *rows[kUnitRows];        // of E
    int32_t positions[kUnitRows];       // -1: there is none
    float lse[kUnitRows];
    int32_t target[kUnitRows];          // class of the tile, or any other number
    float bias[kTileClasses];
    KeptBits<kUnitRows, kTileClasses> by_row;
    KeptBits<kTileClasses, kUnitRows> by_class;
    int32_t tile;
    uint32_t first;                     // of its entries in the lists
    bool stored;
};

// The tile of a unit, searched from `tile` on. By one warp.
__device__ inline int32_t find_tile(const Work &work, int32_t tile, int32_t end_tile, uint32_t unit) {
    for (;; tile += kWarp) {
        const int32_t own = tile + lane_of();
        const bool behind = own < end_tile && work.lists.tile_unit[own + 1] > unit;
        const uint32_t found = __ballot_sync(kAllLanes, behind);
        if (found != 0) return tile + __ffs(static_cast<int>(found)) - 1;
    }
}

// The live positions of ranks [first, first + 128) of a tile; all others are -1 already.
__device__ inline void list_positions(UnitShared &shared, const Work &work, const Window &window, int32_t tile,
                                      uint32_t first) {
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

// A bit for each of a thread's logits, that of (r, n) being n * Product::kRows + r.
template <typename Product>
struct Kept {
    static constexpr int kWords = Product::kRows * Product::kClasses / 32;
    static_assert(kWords * 32 == Product::kRows * Product::kClasses);

    uint32_t words[kWords] = {};

    // With constant r and n, as all loops over sums have them.
    __device__ void set(int r, int n, bool kept) {
        const int bit = n * Product::kRows + r;
        words[bit / 32] |= static_cast<uint32_t>(kept) << bit % 32;
    }
    __device__ bool get(int r, int n) const {
        const int bit = n * Product::kRows + r;
        return words[bit / 32] >> bit % 32 & 1;
    }

    // f(slot, class) of each that is set.
    template <typename F>
    __device__ void for_each(F f) const {
#pragma unroll
        for (int word = 0; word < kWords; ++word)
#pragma unroll 1
            for (uint32_t bits = words[word]; bits != 0; bits &= bits - 1) {
                const int bit = word * 32 + __ffs(static_cast<int>(bits)) - 1;
                f(Product::slot_of(bit % Product::kRows), Product::class_of(bit / Product::kRows));
            }
    }
};

// Turns this thread's dot products into logits. Returns which of them are kept.
template <typename Product, bool kCapped>
__device__ Kept<Product> filter(const UnitShared &shared, const Work &work, const Window &window,
                                typename Product::Sums &sums) {
    const float threshold = work.least_threshold();
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
    const int32_t first = window.first_class - shared.tile * kTileClasses;
    const int32_t end = window.end_class - shared.tile * kTileClasses;
    Kept<Product> kept;
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
            kept.set(r, n, in_window && exists[r] && (!below || c == target[r]));
            Product::value(sums, r, n) = z;
        }
    }
    return kept;
}

// Numbers the entries whose bits are set, and takes a place in the lists for them. Where it lies depends on timing;
// what is listed, and in which order it is read, does not. The whole block must call it.
__device__ inline void place_entries(UnitShared &shared, const Work &work, uint32_t unit) {
    constexpr int kHalf = kBlockThreads / 2;  // of the threads for the order by row, the others for that by class
    const bool by_row = threadIdx.x < kHalf;
    const int part = static_cast<int>(threadIdx.x) % kHalf;
    uint32_t twice;
    const uint32_t before = scan_block(by_row ? shared.by_row.count(part) : shared.by_class.count(part), &twice);
    const uint32_t count = twice / 2;
    if (threadIdx.x == 0) {
        const unsigned long long first =
            atomicAdd(&work.lists.counters->entries, static_cast<unsigned long long>(count));
        shared.first = static_cast<uint32_t>(first);
        shared.stored = unit < work.lists.most_units && first + count <= work.lists.most_entries;
    }
    if (by_row)
        shared.by_row.number(part, before);
    else
        shared.by_class.number(part, before - count);
    __syncthreads();
}

template <typename Product>
__device__ void store_entries(const UnitShared &shared, const Work &work, const Kept<Product> &kept,
                              typename Product::Sums &logits) {
    const Lists &lists = work.lists;
    const uint32_t first = shared.first;
    kept.for_each([&](int slot, int c) {
        const uint32_t place = shared.by_class.place(c, slot);
        const uint32_t at = shared.by_row.place(slot, c);
        lists.slots[first + place] = static_cast<uint8_t>(slot);
        lists.classes[first + at] = static_cast<uint8_t>(c);
        lists.places[first + at] = static_cast<uint16_t>(place);
    });
#pragma unroll
    for (int n = 0; n < Product::kClasses; ++n)
#pragma unroll
        for (int r = 0; r < Product::kRows; ++r)
            if (kept.get(r, n))
                lists.logits[first + shared.by_class.place(Product::class_of(n), Product::slot_of(r))] =
                    Product::value(logits, r, n);
}

__device__ inline void store_unit(const UnitShared &shared, Unit &unit) {
    if (threadIdx.x == 0) unit.first = shared.first;
    if (threadIdx.x <= kUnitRows) unit.rows[threadIdx.x] = shared.by_row.first(threadIdx.x);
    if (threadIdx.x <= kTileClasses) unit.classes[threadIdx.x] = shared.by_class.first(threadIdx.x);
}

// How many entries each position and group of classes has, for the choice of windows.
__device__ inline void count_entries(const UnitShared &shared, const Work &work) {
    if (threadIdx.x < kUnitRows) {
        const uint32_t count = shared.by_row.entries(threadIdx.x);
        if (count > 0) atomicAdd(&work.lists.row_entries[shared.positions[threadIdx.x]], count);
    } else if (threadIdx.x < kUnitRows + kTileClasses / kGroupClasses) {
        const int32_t group = static_cast<int32_t>(threadIdx.x) - kUnitRows;
        const uint32_t count = shared.by_class.first((group + 1) * kGroupClasses) -
                               shared.by_class.first(group * kGroupClasses);
        if (count > 0)
            atomicAdd(&work.lists.group_entries[shared.tile * (kTileClasses / kGroupClasses) + group], count);
    }
}

// Lists what is kept of a unit whose dot products this thread has its share of. The whole block must call it.
template <typename Product>
__device__ void list_unit(UnitShared &shared, const Work &work, const Window &window, uint32_t unit,
                          typename Product::Sums &sums, bool counted) {
    const Kept<Product> kept = work.logits.map.capped ? filter<Product, true>(shared, work, window, sums)
                                                      : filter<Product, false>(shared, work, window, sums);
    kept.for_each([&](int slot, int c) {
        shared.by_row.mark(slot, c);
        shared.by_class.mark(c, slot);
    });
    __syncthreads();
    place_entries(shared, work, unit);
    if (shared.stored) {
        store_unit(shared, work.lists.units[unit]);
        store_entries<Product>(shared, work, kept, sums);
    }
    if (counted) count_entries(shared, work);
}

// Finds the tile of a unit, from `tile` on, its positions and what the product and the filter need of them. The whole
// block must call it.
template <typename Product>
__device__ void prepare_unit(UnitShared &shared, const Work &work, const Window &window, int32_t tile, uint32_t unit) {
    if (warp_of() == 0) {
        tile = find_tile(work, tile, window.end_tile(), unit);
        if (lane_of() == 0) shared.tile = tile;
    }
    if (threadIdx.x < kUnitRows) shared.positions[threadIdx.x] = -1;
    for (int word = threadIdx.x; word < shared.by_row.kWords; word += kBlockThreads) shared.by_row.bits[word] = 0;
    for (int word = threadIdx.x; word < shared.by_class.kWords; word += kBlockThreads) shared.by_class.bits[word] = 0;
    __syncthreads();
    tile = shared.tile;
    list_positions(shared, work, window, tile, (unit - work.lists.tile_unit[tile]) * kUnitRows);
    fetch_rows<typename Product::Element>(shared, work, tile);
}

// All units of the window. `counted`: entries are counted by position and class too. The whole grid.
template <typename Product>
__device__ void compute_units(UnitShared (&shared)[2], char *stages, const Work &work, const Window &window,
                              bool counted) {
    const uint32_t units = work.lists.counters->units;
    uint32_t unit = blockIdx.x;
    if (unit >= units) return;
    prepare_unit<Product>(shared[0], work, window, window.first_tile(), unit);
    Product product(stages, work.logits, shared[0].rows, shared[0].tile);
    for (int own = 0;; own ^= 1) {
        typename Product::Sums sums;
        product.multiply(sums);
        // What the unit before this one had in shared memory is free: multiply() has waited for all threads.
        const uint32_t next = unit + gridDim.x;
        if (next < units) {
            UnitShared &of_next = shared[own ^ 1];
            prepare_unit<Product>(of_next, work, window, shared[own].tile, next);
            product = Product(stages, work.logits, of_next.rows, of_next.tile);
        }
        list_unit<Product>(shared[own], work, window, unit, sums, counted);
        if (next >= units) return;
        unit = next;
    }
}

}  // namespace cce::cuda::filtered
