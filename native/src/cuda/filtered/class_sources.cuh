// Where those who sum dC and db have the terms of classes from: from the lists of a window, entry by entry, or from
// where they were listed before.
#pragma once

#include "cuda/filtered/live.cuh"

namespace cce::cuda::filtered {

// The first lane whose `end`, ascending from lane to lane, is above `k`; the last one if none is.
__device__ inline int32_t find_lane(uint32_t end, uint32_t k) {
    int32_t lane = 0;
#pragma unroll
    for (int step = kWarp / 2; step > 0; step /= 2)
        if (__shfl_sync(kAllLanes, end, lane + step - 1) <= k) lane += step;
    return lane;
}

// The term of an entry that this lane has, if it has one. The whole warp must call it.
__device__ inline Term class_term(const Work &work, const Window &window, const BlockRanks &ranks, int32_t j,
                                  uint32_t rank, float z, bool exists) {
    const int32_t tile = j / kTileClasses;
    const int32_t i = position_of(work, window, ranks, tile, exists ? rank : 0);
    if (!exists) return {0, 0.0f};
    const RowGradient row = work.rows[i];
    const float p = probability(z, row.lse);
    return {static_cast<int32_t>(work.tokens[i]),
            kept_dz(work, row, z, p, j == row.target, work.control->filter_classifier)};
}

// Terms of a window's classes, collected from the lists. All by a warp.
struct CollectedClasses {
    static constexpr int kClasses = kWarp;  // that a warp takes

    const Work &work;
    const Window &window;

    // To collect them twice would cost more than it saves.
    template <typename F>
    __device__ static void share_out(unsigned long long *taken, int32_t count, int64_t width, F f) {
        for_each_part(taken, count, width, f);
    }

    // How many terms each lane's own of the neighbouring classes has; 0 in other lanes.
    __device__ uint32_t counts(int32_t first_class) const {
        const Lists &lists = work.lists;
        const int32_t tile = first_class / kTileClasses;
        const int32_t c = first_class % kTileClasses + lane_of();
        uint32_t count = 0;
        for (uint32_t unit = lists.tile_unit[tile]; unit < lists.tile_unit[tile + 1]; ++unit)
            count += lists.units[unit].classes[c + 1] - lists.units[unit].classes[c];
        return count;
    }

    // Fills `terms` with those of the lanes whose count is not 0; each lane's own begin at `begin`.
    __device__ void fill(Term *terms, int32_t first_class, uint32_t count, uint32_t begin) const {
        const Lists &lists = work.lists;
        const int32_t tile = first_class / kTileClasses;
        const int32_t c = first_class % kTileClasses + lane_of();
        const uint32_t first_unit = lists.tile_unit[tile];
        const uint32_t end_unit = __any_sync(kAllLanes, count > 0) ? lists.tile_unit[tile + 1] : first_unit;
        uint32_t filled = begin;
        const BlockRanks ranks(work, window, tile);
        for (uint32_t unit = first_unit; unit < end_unit; ++unit) {
            const Unit &of = lists.units[unit];
            const uint32_t from = of.classes[c];
            const uint32_t until = of.classes[c + 1];
            const uint32_t end = __shfl_sync(kAllLanes, until, kWarp - 1);
            for (uint32_t base = __shfl_sync(kAllLanes, from, 0); base < end; base += kWarp) {
                const uint32_t k = base + lane_of();
                const int32_t owner = find_lane(until, k);  // whose class this lane's entry is of
                const uint32_t place = __shfl_sync(kAllLanes, filled, owner) + k - __shfl_sync(kAllLanes, from, owner);
                const bool wanted = __shfl_sync(kAllLanes, count, owner) > 0;
                const bool taken = k < end && wanted;
                const uint32_t slot = taken ? lists.slots[of.first + k] : 0;
                const Term term = class_term(work, window, ranks, first_class + owner,
                                             (unit - first_unit) * kUnitRows + slot,
                                             taken ? lists.logits[of.first + k] : 0.0f, taken);
                if (taken) terms[place] = term;
            }
            if (count > 0) filled += until - from;
        }
        __syncwarp();
    }

    // How many terms a class has.
    __device__ uint32_t count(int32_t j) const {
        const Lists &lists = work.lists;
        const int32_t tile = j / kTileClasses;
        const int32_t c = j % kTileClasses;
        uint32_t count = 0;
        for (uint32_t unit = lists.tile_unit[tile] + lane_of(); unit < lists.tile_unit[tile + 1]; unit += kWarp)
            count += lists.units[unit].classes[c + 1] - lists.units[unit].classes[c];
        return reduce_lanes(count, Sum());
    }

    // Fills `terms` with [from, end) of a class.
    __device__ void fill_of(Term *terms, int32_t j, uint32_t from, uint32_t end) const {
        const Lists &lists = work.lists;
        const int32_t tile = j / kTileClasses;
        const int32_t c = j % kTileClasses;
        const uint32_t first_unit = lists.tile_unit[tile];
        const uint32_t end_unit = lists.tile_unit[tile + 1];
        const BlockRanks ranks(work, window, tile);
        uint32_t before = 0;
        for (uint32_t base = first_unit; base < end_unit && before < end; base += kWarp) {
            const uint32_t own = base + lane_of();
            uint32_t first = 0, count = 0;
            if (own < end_unit) {
                first = lists.units[own].first + lists.units[own].classes[c];
                count = lists.units[own].classes[c + 1] - lists.units[own].classes[c];
            }
            uint32_t total;
            const uint32_t begin = before + scan_lanes(count, &total);
            const uint32_t last = Minimum()(before + total, end);
            for (uint32_t at = Maximum()(from, before); at < last; at += kWarp) {
                const uint32_t k = at + lane_of();
                const int32_t owner = find_lane(begin + count, k);
                const uint32_t entry = __shfl_sync(kAllLanes, first, owner) + k - __shfl_sync(kAllLanes, begin, owner);
                const bool taken = k < last;
                const uint32_t slot = taken ? lists.slots[entry] : 0;
                const Term term = class_term(work, window, ranks, j, (base + owner - first_unit) * kUnitRows + slot,
                                             taken ? lists.logits[entry] : 0.0f, taken);
                if (taken) terms[k - from] = term;
            }
            before += total;
        }
        __syncwarp();
    }
};

// The same of all classes, where terms are listed: to take fewer at a time costs little, and warps end together.
struct ListedClasses {
    static constexpr int kClasses = 16;

    const ListedTerms &listed;
    int32_t classes;

    template <typename F>
    __device__ static void share_out(unsigned long long *taken, int32_t count, int64_t width, F f) {
        for_each_span(taken, count, width, f);
    }

    __device__ uint32_t counts(int32_t first_class) const {
        const int32_t j = first_class + lane_of();
        return lane_of() < kClasses && j < classes ? count(j) : 0;
    }

    __device__ void fill(Term *terms, int32_t first_class, uint32_t count, uint32_t begin) const {
        const uint32_t from = listed.class_begin[Minimum()(first_class + lane_of(), classes)];
        const uint32_t end = __shfl_sync(kAllLanes, begin + count, kWarp - 1);
        for (uint32_t base = 0; base < end; base += kWarp) {
            const uint32_t k = base + lane_of();
            const int32_t owner = find_lane(begin + count, k);
            const uint32_t at = __shfl_sync(kAllLanes, from, owner) + k - __shfl_sync(kAllLanes, begin, owner);
            if (k < end) terms[k] = listed.by_class[at];
        }
        __syncwarp();
    }

    __device__ uint32_t count(int32_t j) const { return listed.class_begin[j + 1] - listed.class_begin[j]; }

    __device__ void fill_of(Term *terms, int32_t j, uint32_t from, uint32_t end) const {
        const Term *of_class = listed.by_class + listed.class_begin[j];
        for (uint32_t k = from + lane_of(); k < end; k += kWarp) terms[k - from] = of_class[k];
        __syncwarp();
    }
};

}  // namespace cce::cuda::filtered
