// Which classes are live, from the logits of live positions, computed again in the frame of the sweep: no more of them
// than where the forward pass could not rule out that something is kept. As fast as the rows of E can be gathered: a
// logit takes an addition and a comparison.
//
// Instances: bf16 and fp16.
#include "cuda/device.h"
#include "cuda/sm90/backward.h"
#include "cuda/sm90/pair_consumer.cuh"
#include "cuda/sm90/pair_producer.cuh"
#include "cuda/sm90/roles.cuh"
#include "cuda/sm90/tensor_map.h"

namespace cce::cuda::sm90 {
namespace {

// The dot products from which on a filter keeps those of a position, but for the bias. A bit too low, so that rounding
// drops nothing.
template <bool kCapped>
__device__ float least_kept(const filtered::Work &work, const filtered::UnitInputs &unit, int32_t slot) {
    constexpr float kSlack = 0x1p-10f;
    if (unit.positions[slot] < 0) return INFINITY;
    const LogitMap &map = work.logits.map;
    const float z = unit.lse[slot] + logf(work.least_threshold()) - kSlack;
    if (!kCapped) return z / map.inverse_temperature;
    const float tanh = z * map.inverse_cap_scale;
    return tanh <= -1.0f ? -INFINITY : atanhf(tanh) / map.inverse_softcap;  // NaN above 1: everything counts as kept
}

template <bool kCapped>
__device__ void mark(const filtered::Work &work, const filtered::UnitInputs &unit, UnitProduct::Sums &x,
                     uint8_t *marks) {
    constexpr int kLanes = 8;  // that have the same classes, of other positions
    float least[UnitProduct::kRows];
#pragma unroll
    for (int r = 0; r < UnitProduct::kRows; ++r) least[r] = least_kept<kCapped>(work, unit, UnitProduct::slot_of(r));
    uint32_t live[2] = {};
#pragma unroll
    for (int n = 0; n < UnitProduct::kClasses; ++n) {
        const float bias = unit.bias[UnitProduct::class_of(n)];
        bool kept = false;
#pragma unroll
        for (int r = 0; r < UnitProduct::kRows; ++r) kept |= !(UnitProduct::value(x, r, n) + bias < least[r]);
        live[n / kWarp] |= static_cast<uint32_t>(kept) << n % kWarp;
    }
#pragma unroll
    for (uint32_t &word : live)
#pragma unroll
        for (int distance = kWarp / kLanes; distance < kWarp; distance *= 2)
            word |= __shfl_xor_sync(kAllLanes, word, distance);
    const int32_t first = unit.tile * kTileClasses;
    const int lane = filtered::lane_of() / (kWarp / kLanes);
    static_assert(UnitProduct::kClasses % kLanes == 0);
#pragma unroll
    for (int k = 0; k < UnitProduct::kClasses / kLanes; ++k) {
        const int n = k * kLanes + lane;
        const int32_t j = first + UnitProduct::class_of(n);
        if ((n < kWarp ? live[0] >> n : live[1] >> (n - kWarp)) & 1 && j < work.classes()) marks[j] = 1;
    }
    const int32_t target = unit.target[WarpgroupTeam::thread()];
    if (target >= 0) marks[first + target] = 1;
}

template <typename T>
__global__ void __launch_bounds__(kBlockThreads, 1)
mark_classes_kernel(const __grid_constant__ CUtensorMap classifier, const __grid_constant__ filtered::Work work,
                    uint8_t *marks) {
    if (!work.control->marking) return;
    const auto steps = static_cast<int32_t>((work.logits.hidden + kStep - 1) / kStep);
    in_roles<PairShared>(
        [&](PairShared &shared) { begin_pairs(shared, work); },
        [&](PairShared &shared) { produce_pairs(shared, classifier, work, steps); },
        [&](PairShared &shared, int32_t group) {
            consume_pairs<T>(shared, work, group, steps, [] {},
                             [&](const filtered::UnitInputs &unit, uint32_t, UnitProduct::Sums &x) {
                                 if (work.logits.map.capped)
                                     mark<true>(work, unit, x, marks);
                                 else
                                     mark<false>(work, unit, x, marks);
                             });
        });
}

}  // namespace

int32_t mark_classes(const Problem &p, const filtered::Work &work, uint8_t *marks, cudaStream_t stream) {
    CUtensorMap classifier;
    CCE_TRY(describe(work.logits.classifier, p.spec.dtype, p.spec.classes, p.spec.hidden, p.spec.hidden, kTileClasses,
                     &classifier));
    return with_half(p.spec.dtype, [&](auto scalar) {
        return launch_roles<PairShared>("marking live classes", mark_classes_kernel<decltype(scalar)>,
                                        traits_of(p.spec.device).multiprocessors, stream, classifier, work, marks);
    });
}

}  // namespace cce::cuda::sm90
