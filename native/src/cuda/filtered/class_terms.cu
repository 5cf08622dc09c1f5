// Lists the terms of each class: its entries, unit by unit, as rows of E and their factors. A warp has 8 neighbouring
// classes, whose entries follow each other in a unit, and takes 32 of their entries at a time, of whatever units they
// are. What it finds of a frequent class goes to that one's column of dz.
//
// Instances: bf16 and fp16.
#include "cuda/check.h"
#include "cuda/device.h"
#include "cuda/filtered/class_pass.cuh"
#include "cuda/filtered/kernels.h"

namespace cce::cuda::filtered {
namespace {

constexpr int kBlocksAtOnce = 4;  // of a multiprocessor
constexpr int kTileGroups = kTileClasses / kGroupClasses;

// Counts go to class_begin, where their sums take their place. A thread block a tile, a thread a class.
__global__ void __launch_bounds__(kTileClasses) count_class_terms_kernel(const __grid_constant__ Work work) {
    if (!work.sums_lists()) return;
    const Lists &lists = work.lists;
    const auto tile = static_cast<int32_t>(blockIdx.x);
    const auto c = static_cast<int32_t>(threadIdx.x);
    const int32_t j = tile * kTileClasses + c;
    if (j >= work.classes()) return;
    const uint32_t end = lists.tile_unit[tile + 1];
    uint32_t count = 0;
#pragma unroll 8
    for (uint32_t unit = lists.tile_unit[tile]; unit < end; ++unit)
        count += lists.units[unit].classes[c + 1] - lists.units[unit].classes[c];
    work.terms.class_begin[j] = count;
}

// Of 32 units that a warp looks at together.
struct UnitShares {
    uint16_t begin[kWarp][kGroupClasses + 1];  // the entries of each class in each unit
    uint32_t place[kGroupClasses][kWarp];      // that of the first of them among the terms
};

// The class of the group that has entry `e` of a unit.
__device__ int32_t class_of_entry(const uint16_t (&begin)[kGroupClasses + 1], uint32_t e) {
    int32_t c = 0;
#pragma unroll
    for (int step = kGroupClasses / 2; step > 0; step /= 2)
        if (begin[c + step] <= e) c += step;
    return c;
}

// Puts a term of class j where it belongs.
template <typename T>
__device__ void put_term(const Work &work, int32_t i, int32_t j, float z, uint32_t place) {
    const RowGradient row = work.rows[i];
    const float p = probability(z, row.lse);
    const bool is_target = j == row.target;
    const uint16_t column = work.frequent_place(j);
    const float dz = kept_dz(work, row, z, p, is_target, work.control->filter_classifier);
    if (work.wants_classes() && (column == Frequent::kNone || work.bias.array != nullptr))
        work.terms.by_class[place] = {static_cast<int32_t>(work.tokens[i]), dz};
    if (column == Frequent::kNone) return;
    const Frequent &frequent = work.frequent;
    const RowGradient scaled = row.scaled(work.control->dz_scale);
    const int64_t at = i * frequent.most + column;
    const auto store = [&](void *to, float threshold) {
        static_cast<T *>(to)[at] = from_float<T>(kept_dz(work, scaled, z, p, is_target, threshold));
    };
    if (work.wants_rows()) store(frequent.dz[0], work.control->filter_embeddings);
    if (!work.wants_rows() || frequent.dz[1] != frequent.dz[0])
        store(frequent.dz[1], work.control->filter_classifier);
}

template <typename T>
__device__ void list_group(UnitShares &shares, const Work &work, const Window &all, int32_t group) {
    const Lists &lists = work.lists;
    const int32_t tile = group / kTileGroups;
    const int32_t first_class = group * kGroupClasses;
    const int32_t first_c = first_class % kTileClasses;
    const uint32_t first_unit = lists.tile_unit[tile];
    const uint32_t end_unit = lists.tile_unit[tile + 1];
    const BlockRanks ranks(work, all, tile);
    // Where the next term of the lane's own class goes.
    const int32_t own_class = Minimum()(first_class + lane_of(), work.classes());
    uint32_t next = work.terms.class_begin[own_class];
    for (uint32_t base = first_unit; base < end_unit; base += kWarp) {
        const uint32_t own = base + lane_of();
        uint16_t begin[kGroupClasses + 1] = {};
        uint32_t first = 0;
        if (own < end_unit) {
            first = lists.units[own].first;
#pragma unroll
            for (int c = 0; c <= kGroupClasses; ++c) begin[c] = lists.units[own].classes[first_c + c];
        }
#pragma unroll
        for (int c = 0; c <= kGroupClasses; ++c) shares.begin[lane_of()][c] = begin[c];
#pragma unroll
        for (int c = 0; c < kGroupClasses; ++c) {
            uint32_t total;
            const uint32_t before = scan_lanes(static_cast<uint32_t>(begin[c + 1] - begin[c]), &total);
            shares.place[c][lane_of()] = __shfl_sync(kAllLanes, next, c) + before;
            if (lane_of() == c) next += total;
        }
        const uint32_t count = begin[kGroupClasses] - begin[0];
        uint32_t total;
        const uint32_t before = scan_lanes(count, &total);
        __syncwarp();
        for (uint32_t from = 0; from < total; from += kWarp) {
            const uint32_t k = from + lane_of();
            const bool exists = k < total;
            const int32_t owner = find_lane(before + count, k);
            const uint32_t e = k - __shfl_sync(kAllLanes, before, owner) + shares.begin[owner][0];
            const uint32_t at = __shfl_sync(kAllLanes, first, owner) + e;
            const uint32_t slot = exists ? lists.slots[at] : 0;
            const float z = exists ? lists.logits[at] : 0.0f;
            const uint32_t rank = (base + owner - first_unit) * kUnitRows + slot;
            const int32_t i = position_of(work, all, ranks, tile, exists ? rank : 0);
            if (!exists) continue;
            const int32_t c = class_of_entry(shares.begin[owner], e);
            put_term<T>(work, i, first_class + c, z, shares.place[c][owner] + e - shares.begin[owner][c]);
        }
        __syncwarp();  // the next units come into the same place
    }
}

template <typename T>
__global__ void __launch_bounds__(kBlockThreads, kBlocksAtOnce)
list_class_terms_kernel(const __grid_constant__ Work work) {
    __shared__ UnitShares shares[kWarps];
    if (!work.sums_lists()) return;
    const Window all = window_of_all(work);
    const int32_t groups = (work.classes() + kGroupClasses - 1) / kGroupClasses;
    for (int32_t group = static_cast<int32_t>(blockIdx.x) * kWarps + warp_of(); group < groups; group += grid_warps())
        list_group<T>(shares[warp_of()], work, all, group);
}

}  // namespace

int32_t count_class_terms(const Problem &, const Work &work, cudaStream_t stream) {
    return launch("counting the terms of classes", count_class_terms_kernel, work.lists.tiles, kTileClasses, stream,
                  work);
}

int32_t list_class_terms(const Problem &p, const Work &work, cudaStream_t stream) {
    const int64_t blocks = int64_t{traits_of(p.spec.device).multiprocessors} * kBlocksAtOnce;
    return with_half(p.spec.dtype, [&](auto scalar) {
        return launch("listing the terms of classes", list_class_terms_kernel<decltype(scalar)>, blocks, kBlockThreads,
                      stream, work);
    });
}

}  // namespace cce::cuda::filtered
