// Windows whose entries fit into the lists, where those of all do not: at the start of a training, say, or with a
// threshold that keeps nearly everything. Each is a range of positions with all classes, for dE, or of classes with all
// positions, for dC, so every gradient still has all of its entries at once.
#pragma once

#include "cuda/filtered/work.cuh"

namespace cce::cuda::filtered {

// The end of the longest range from `begin` on whose counts add up to `most` at most; one element at the least, which
// the lists always have room for. The whole block must call it, and all blocks get the same.
__device__ inline int32_t end_of_range(const uint32_t *counts, int32_t begin, int32_t end, uint32_t most) {
    __shared__ int32_t found;
    unsigned long long before = 0;
    for (int32_t first = begin; first < end; first += kBlockThreads) {
        const int32_t own = first + static_cast<int32_t>(threadIdx.x);
        __syncthreads();
        if (threadIdx.x == 0) found = INT32_MAX;
        const uint32_t count = own < end ? counts[own] : 0;
        uint32_t total;
        const unsigned long long through = before + scan_block(Minimum()(count, most), &total) + count;
        if (own < end && through > most) atomicMin(&found, own);
        __syncthreads();
        if (found != INT32_MAX) return Maximum()(found, begin + 1);
        before += total;
    }
    return end;
}

// A unit has positions of one tile alone, so this many positions take no more units than there are.
__device__ inline Window rows_from(const Work &work, const Window &all, int32_t begin) {
    const int64_t most = static_cast<int64_t>(work.lists.most_units / work.lists.tiles) * kUnitRows;
    const auto end = static_cast<int32_t>(Minimum()(begin + most, static_cast<int64_t>(all.end_row)));
    return {begin, end_of_range(work.lists.row_entries, begin, end, work.lists.most_entries), 0, all.end_class};
}

__device__ inline Window classes_from(const Work &work, const Window &all, int32_t begin) {
    const int64_t most_tiles = work.lists.most_units / work.lists.blocks;
    const int64_t most_end = (begin / kTileClasses + most_tiles) * kTileClasses;
    const int64_t end = Minimum()(most_end, static_cast<int64_t>(all.end_class));
    const int32_t end_group = end_of_range(work.lists.group_entries, begin / kGroupClasses,
                                           static_cast<int32_t>((end + kGroupClasses - 1) / kGroupClasses),
                                           work.lists.most_entries);
    return {0, all.end_row, begin, static_cast<int32_t>(Minimum()(static_cast<int64_t>(end_group) * kGroupClasses,
                                                                   static_cast<int64_t>(all.end_class)))};
}

}  // namespace cce::cuda::filtered
