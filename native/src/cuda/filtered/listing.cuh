// Lists what is kept of a unit whose dot products a team of threads has in registers. Each thread has a share, which
// its Product describes:
//
//     using Sums;                   kRows slots and kClasses classes of 128 x 192 dot products:
//                                   slot_of(r), class_of(n), value(sums, r, n), and index_of(c): the n of a class, or
//                                   -1 where it is not the thread's
//
// They stay there: a thread marks those of its own that are kept, one bit each in shared memory, and stores them where
// the bits say how many are before them.
#pragma once

#include "cuda/backward/kept_mass.cuh"
#include "cuda/filtered/unit_inputs.cuh"

namespace cce::cuda::filtered {

// Which logits of a unit are kept, a bit each, and how many of them are before each word of 32. A line is a slot or a
// class, its columns are the other. They are numbered by kParts threads, each those of a part.
template <int kLines, int kColumns, int kParts>
struct KeptBits {
    static constexpr int kLineWords = kColumns / 32;
    static constexpr int kWords = kLines * kLineWords;
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

// What is kept of a unit, in shared memory.
template <typename Team>
struct KeptUnit {
    static constexpr int kParts = Team::kThreads / 2;  // half of the threads for each of the two orders

    KeptBits<kUnitRows, kTileClasses, kParts> by_row;
    KeptBits<kTileClasses, kUnitRows, kParts> by_class;
    OfTeamWarps<Team> of_warp;
    uint32_t first;  // of its entries in the lists
    bool stored;

    // Before list_unit, with a sync() between.
    __device__ void clear(const Team &team) {
        share_out<decltype(by_row)::kWords>(team, [&](int word) { by_row.bits[word] = 0; });
        share_out<decltype(by_class)::kWords>(team, [&](int word) { by_class.bits[word] = 0; });
    }
};

// A bit for each of a thread's logits, that of (r, n) being n * Product::kRows + r.
template <typename Product>
struct Kept {
    static constexpr int kWords = Product::kRows * Product::kClasses / 32;
    static_assert(kWords * 32 == Product::kRows * Product::kClasses && 32 % Product::kRows == 0);

    uint32_t words[kWords] = {};

    // With constant r and n, as all loops over sums have them.
    __device__ void set(int r, int n, bool kept) {
        const int bit = n * Product::kRows + r;
        words[bit / 32] |= static_cast<uint32_t>(kept) << bit % 32;
    }
    // Any n; one that does not exist changes nothing.
    __device__ void keep(int r, int n) {
        const uint32_t bit = n * Product::kRows + r;
#pragma unroll
        for (int word = 0; word < kWords; ++word)
            if (bit / 32 == static_cast<uint32_t>(word)) words[word] |= 1u << bit % 32;
    }
    __device__ void drop_class(int n) {
        const int bit = n * Product::kRows;
        words[bit / 32] &= ~(((1u << Product::kRows) - 1) << bit % 32);
    }
    __device__ void drop_slot(int r) {
        uint32_t row = 0;
#pragma unroll
        for (int bit = r; bit < 32; bit += Product::kRows) row |= 1u << bit;
#pragma unroll
        for (int word = 0; word < kWords; ++word) words[word] &= ~row;
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
__device__ Kept<Product> filter(const UnitInputs &unit, const Work &work, const Window &window,
                                typename Product::Sums &sums) {
    const float threshold = work.least_threshold();
    const LogitMap &map = work.logits.map;
    float shift[Product::kRows];
#pragma unroll
    for (int r = 0; r < Product::kRows; ++r) shift[r] = unit.lse[Product::slot_of(r)];
    Kept<Product> kept;
#pragma unroll
    for (int n = 0; n < Product::kClasses; ++n) {
        const float bias = unit.bias[Product::class_of(n)];
#pragma unroll
        for (int r = 0; r < Product::kRows; ++r) {
            float &value = Product::value(sums, r, n);
            const float x = value + bias;
            value = kCapped ? fast_capped(map, x) : x * map.inverse_temperature;
            kept.set(r, n, !(probability(value, shift[r]) < threshold));
        }
    }
#pragma unroll
    for (int r = 0; r < Product::kRows; ++r) kept.keep(r, Product::index_of(unit.target[Product::slot_of(r)]));
    const int32_t first = window.first_class - unit.tile * kTileClasses;
    const int32_t end = window.end_class - unit.tile * kTileClasses;
    if (first > 0 || end < kTileClasses) {
#pragma unroll
        for (int n = 0; n < Product::kClasses; ++n)
            if (Product::class_of(n) < first || Product::class_of(n) >= end) kept.drop_class(n);
    }
#pragma unroll
    for (int r = 0; r < Product::kRows; ++r)
        if (unit.positions[Product::slot_of(r)] < 0) kept.drop_slot(r);
    return kept;
}

// Adds what one filter, the first or the second, keeps of this thread's logits to the sums of their positions. Four
// neighbouring lanes have the same slots. The whole warp must call it.
template <typename Product>
__device__ void add_kept_mass(const UnitInputs &unit, const Work &work, const Kept<Product> &kept,
                              typename Product::Sums &logits, int filter) {
    const float threshold = filter == 0 ? work.control->filter_embeddings : work.control->filter_classifier;
#pragma unroll
    for (int r = 0; r < Product::kRows; ++r) {
        const int slot = Product::slot_of(r);
        const float shift = unit.lse[slot];
        const int target = Product::index_of(unit.target[slot]);
        float mass = 0.0f;
#pragma unroll
        for (int n = 0; n < Product::kClasses; ++n) {
            const float p = probability(Product::value(logits, r, n), shift);
            if (kept.get(r, n) && (n == target || !(p < threshold))) mass += p;
        }
        const float whole = reduce_lanes<4>(mass, Sum());
        const int32_t i = unit.positions[slot];
        if (lane_of() % 4 == 0 && i >= 0) add_mass(work.kept + filter * work.kept_pitch + i, whole);
    }
}

// Numbers the entries whose bits are set, and takes a place in the lists for them. Where it lies depends on timing;
// what is listed, and in which order it is read, does not. The whole team must call it.
template <typename Team>
__device__ void place_entries(const Team &team, KeptUnit<Team> &shared, const Work &work, uint32_t unit) {
    constexpr int kParts = KeptUnit<Team>::kParts;
    const bool by_row = team.thread() < kParts;
    const int part = team.thread() % kParts;
    uint32_t twice;
    const uint32_t before =
        scan_team(team, shared.of_warp, by_row ? shared.by_row.count(part) : shared.by_class.count(part), &twice);
    const uint32_t count = twice / 2;
    if (team.thread() == 0) {
        const unsigned long long first =
            atomicAdd(&work.lists.counters->entries, static_cast<unsigned long long>(count));
        shared.first = static_cast<uint32_t>(first);
        shared.stored = unit < work.lists.most_units && first + count <= work.lists.most_entries;
    }
    if (by_row)
        shared.by_row.number(part, before);
    else
        shared.by_class.number(part, before - count);
    team.sync();
}

// Stores an entry in the order by position. Returns its place in that by class, to which its logit belongs.
template <typename Team>
__device__ __forceinline__ uint32_t store_entry(const KeptUnit<Team> &shared, const Lists &lists, uint32_t first,
                                                int slot, int c) {
    const uint32_t place = shared.by_class.place(c, slot);
    const uint32_t at = shared.by_row.place(slot, c);
    lists.slots[first + place] = static_cast<uint8_t>(slot);
    lists.classes[first + at] = static_cast<uint8_t>(c);
    lists.places[first + at] = static_cast<uint16_t>(place);
    return first + place;
}

template <typename Product, typename Team>
__device__ void store_entries(const KeptUnit<Team> &shared, const Work &work, const Kept<Product> &kept,
                              typename Product::Sums &logits) {
    const Lists &lists = work.lists;
    const uint32_t first = shared.first;
    kept.for_each([&](int slot, int c) { store_entry(shared, lists, first, slot, c); });
#pragma unroll
    for (int n = 0; n < Product::kClasses; ++n)
#pragma unroll
        for (int r = 0; r < Product::kRows; ++r)
            if (kept.get(r, n))
                lists.logits[first + shared.by_class.place(Product::class_of(n), Product::slot_of(r))] =
                    Product::value(logits, r, n);
}

template <typename Team>
__device__ void store_unit(const Team &team, const KeptUnit<Team> &shared, Unit &unit) {
    if (team.thread() == 0) unit.first = shared.first;
    share_out<kUnitRows + 1>(team, [&](int slot) { unit.rows[slot] = shared.by_row.first(slot); });
    share_out<kTileClasses + 1>(team, [&](int c) { unit.classes[c] = shared.by_class.first(c); });
}

// How many entries each position and group of classes has, for the choice of windows.
template <typename Team>
__device__ void count_entries(const Team &team, const KeptUnit<Team> &shared, const UnitInputs &unit,
                              const Work &work) {
    constexpr int kGroups = kTileClasses / kGroupClasses;
    share_out<kUnitRows>(team, [&](int slot) {
        const uint32_t count = shared.by_row.entries(slot);
        if (count > 0) atomicAdd(&work.lists.row_entries[unit.positions[slot]], count);
    });
    share_out<kGroups>(team, [&](int group) {
        const uint32_t count = shared.by_class.first((group + 1) * kGroupClasses) -
                               shared.by_class.first(group * kGroupClasses);
        if (count > 0) atomicAdd(&work.lists.group_entries[unit.tile * kGroups + group], count);
    });
}

// Lists what is kept of unit number `number`; `counted`: counts it by position and class too. `shared` is clear. The
// whole team must call it.
template <typename Product, typename Team>
__device__ void list_unit(const Team &team, KeptUnit<Team> &shared, const UnitInputs &unit, const Work &work,
                          const Window &window, uint32_t number, typename Product::Sums &sums, bool counted) {
    const Kept<Product> kept = work.logits.map.capped ? filter<Product, true>(unit, work, window, sums)
                                                      : filter<Product, false>(unit, work, window, sums);
    kept.for_each([&](int slot, int c) {
        shared.by_row.mark(slot, c);
        shared.by_class.mark(c, slot);
    });
    team.sync();
    place_entries(team, shared, work, number);
    if (shared.stored) {
        store_unit(team, shared, work.lists.units[number]);
        store_entries<Product>(shared, work, kept, sums);
    }
    if (!counted) return;
    count_entries(team, shared, unit, work);
    if (work.kept == nullptr) return;
#pragma unroll 1
    for (int of = 0; of < 2; ++of) add_kept_mass<Product>(unit, work, kept, sums, of);
}

}  // namespace cce::cuda::filtered
