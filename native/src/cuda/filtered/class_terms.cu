// Lists the terms of each class: its entries, unit by unit, as rows of E and their factors. A warp has a part of those
// of 8 neighbouring classes, whose entries follow each other in a unit, and takes 32 of their entries at a time, of
// whatever units they are. What it finds of a frequent class goes to that one's column of dz.
//
// Instances: bf16 and fp16.
#include "cuda/check.h"
#include "cuda/device.h"
#include "cuda/filtered/class_sources.cuh"
#include "cuda/filtered/kernels.h"

namespace cce::cuda::filtered {
namespace {

constexpr int kBlocksAtOnce = 4;  // of a multiprocessor
constexpr int kTileGroups = kTileClasses / kGroupClasses;

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

// The terms of a group from its entry `begin` up to `end`, counted over its units.
template <typename T>
__device__ void list_part(UnitShares &shares, const Work &work, const Window &all, int32_t group, uint32_t begin,
                          uint32_t end) {
    const Lists &lists = work.lists;
    const int32_t tile = group / kTileGroups;
    const int32_t first_class = group * kGroupClasses;
    const int32_t first_c = first_class % kTileClasses;
    const uint32_t first_unit = lists.tile_unit[tile];
    const uint32_t end_unit = lists.tile_unit[tile + 1];
    const BlockRanks ranks(work, all, tile);
    // Where the next term of the lane's own class goes.
    uint32_t next = work.terms.class_begin[Minimum()(first_class + lane_of(), work.classes())];
    uint32_t passed = 0;
    for (uint32_t base = first_unit; base < end_unit && passed < end; base += kWarp) {
        const uint32_t own = base + lane_of();
        uint16_t of_class[kGroupClasses + 1] = {};
        uint32_t first = 0;
        if (own < end_unit) {
            first = lists.units[own].first;
#pragma unroll
            for (int c = 0; c <= kGroupClasses; ++c) of_class[c] = lists.units[own].classes[first_c + c];
        }
#pragma unroll
        for (int c = 0; c <= kGroupClasses; ++c) shares.begin[lane_of()][c] = of_class[c];
#pragma unroll
        for (int c = 0; c < kGroupClasses; ++c) {
            uint32_t total;
            const uint32_t before = scan_lanes(static_cast<uint32_t>(of_class[c + 1] - of_class[c]), &total);
            shares.place[c][lane_of()] = __shfl_sync(kAllLanes, next, c) + before;
            if (lane_of() == c) next += total;
        }
        const uint32_t count = of_class[kGroupClasses] - of_class[0];
        uint32_t total;
        const uint32_t before = scan_lanes(count, &total);
        __syncwarp();
        const uint32_t from = begin > passed ? begin - passed : 0;
        const uint32_t until = Minimum()(total, end - passed);
        for (uint32_t at = from; at < until; at += kWarp) {
            const uint32_t k = at + lane_of();
            const bool exists = k < until;
            const int32_t owner = find_lane(before + count, k);
            const uint32_t e = k - __shfl_sync(kAllLanes, before, owner) + shares.begin[owner][0];
            const uint32_t entry = __shfl_sync(kAllLanes, first, owner) + e;
            const uint32_t slot = exists ? lists.slots[entry] : 0;
            const float z = exists ? lists.logits[entry] : 0.0f;
            const uint32_t rank = (base + owner - first_unit) * kUnitRows + slot;
            const int32_t i = position_of(work, all, ranks, tile, exists ? rank : 0);
            if (!exists) continue;
            const int32_t c = class_of_entry(shares.begin[owner], e);
            put_term<T>(work, i, first_class + c, z, shares.place[c][owner] + e - shares.begin[owner][c]);
        }
        passed += total;
        __syncwarp();  // the next units come into the same place
    }
}

// The last group whose first part is `part` or before it: the one that has it. By a warp.
__device__ int32_t group_of_part(const uint32_t *group_part, int32_t groups, uint32_t part) {
    int32_t group = 0;
    for (int32_t end = groups; end - group > 1;) {
        const int32_t step = (end - group + kWarp - 1) / kWarp;
        const int32_t own = group + lane_of() * step;
        const uint32_t begun = __ballot_sync(kAllLanes, own < end && group_part[own] <= part);
        group += (__popc(begun) - 1) * step;
        end = Minimum()(group + step, end);
    }
    return group;
}

template <typename T>
__global__ void __launch_bounds__(kBlockThreads, kBlocksAtOnce)
list_class_terms_kernel(const __grid_constant__ Work work) {
    __shared__ UnitShares shares[kWarps];
    if (!work.sums_lists()) return;
    const Window all = window_of_all(work);
    const int32_t groups = (work.classes() + kGroupClasses - 1) / kGroupClasses;
    const uint32_t *const group_part = work.terms.group_part;
    const uint32_t parts = group_part[groups];
    for (uint32_t part = blockIdx.x * kWarps + warp_of(); part < parts; part += grid_warps()) {
        const int32_t group = group_of_part(group_part, groups, part);
        const uint32_t begin = (part - group_part[group]) * kPartTerms;
        list_part<T>(shares[warp_of()], work, all, group, begin, begin + kPartTerms);
    }
}

}  // namespace

int32_t list_class_terms(const Problem &p, const Work &work, cudaStream_t stream) {
    const int64_t blocks = int64_t{traits_of(p.spec.device).multiprocessors} * kBlocksAtOnce;
    return with_half(p.spec.dtype, [&](auto scalar) {
        return launch("listing the terms of classes", list_class_terms_kernel<decltype(scalar)>, blocks, kBlockThreads,
                      stream, work);
    });
}

}  // namespace cce::cuda::filtered
