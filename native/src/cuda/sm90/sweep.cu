// Primitive 2 (section 4.2 of the paper) on Hopper: a matrix product on the tensor cores whose epilogue is an online
// log-sum-exp. 2 * R * V * D flops, and 2 * (256 + 192) * D bytes from the L2 cache per 256 x 192 logits. One warpgroup
// fetches, two multiply and sum; a persistent grid of thread blocks goes through the runs of Schedule.
//
// Instances: bf16 and fp16, three kinds of logits, and the sums alone, with segment maxima, with candidates, or with
// extras; for bf16, also with the logits kept.
#include "cuda/sm90/consumer.cuh"
#include "cuda/sm90/family.h"
#include "cuda/sm90/producer.cuh"
#include "cuda/sm90/roles.cuh"
#include "cuda/sm90/tensor_map.h"

namespace cce::cuda::sm90 {
namespace {

template <typename T, typename Option>
__global__ void __launch_bounds__(kBlockThreads, 1)
sweep_kernel(const __grid_constant__ CUtensorMap embeddings, const __grid_constant__ CUtensorMap classifier,
             const __grid_constant__ Schedule schedule, const __grid_constant__ SweepInputs in, bool smoothing,
             const __grid_constant__ Partials out) {
    const int64_t valid = *in.logits.valid;
    const auto steps = static_cast<int32_t>((in.logits.hidden + kStep - 1) / kStep);
    in_roles([&](Shared &shared) { list_runs(shared, schedule, in.logits, valid); },
             [&](Shared &shared) {
                 produce(shared, {embeddings, classifier, in.logits, static_cast<int32_t>(valid), 0, steps});
             },
             [&](Shared &shared, int32_t group) {
                 consume<T, Option>(shared, in, out, static_cast<int32_t>(valid), group, steps, smoothing);
             });
}

template <typename T, typename Option>
int32_t launch_sweep(const Problem &p, const Schedule &schedule, const SweepInputs &in, const Partials &out,
                     cudaStream_t stream) {
    CUtensorMap embeddings;
    CUtensorMap classifier;
    CCE_TRY(describe(in.logits.embeddings, p.spec.dtype, p.tokens, p.spec.hidden, p.spec.hidden, kTileRows,
                     &embeddings));
    CCE_TRY(describe(in.logits.classifier, p.spec.dtype, p.spec.classes, p.spec.hidden, p.spec.hidden, kTileClasses,
                     &classifier));
    return launch_roles("summing the logits", sweep_kernel<T, Option>, schedule.workers, stream, embeddings, classifier,
                        schedule, in, p.spec.label_smoothing > 0.0, out);
}

// The instance of the kernel that does what is asked and no more.
template <typename T, LogitKind kKind>
int32_t launch_sweep(const Problem &p, const Schedule &schedule, const SweepInputs &in, const Partials &out,
                     cudaStream_t stream) {
    if (out.extras != nullptr)
        return launch_sweep<T, Options<kKind, true, Leaves::kSegments>>(p, schedule, in, out, stream);
    if (in.candidates.ranges != nullptr)
        return launch_sweep<T, Options<kKind, false, Leaves::kCandidates>>(p, schedule, in, out, stream);
    if (in.segments.codes != nullptr)
        return launch_sweep<T, Options<kKind, false, Leaves::kSegments>>(p, schedule, in, out, stream);
    if constexpr (std::is_same_v<T, __nv_bfloat16>)
        if (in.kept.codes != nullptr)
            return launch_sweep<T, Options<kKind, false, Leaves::kLogits>>(p, schedule, in, out, stream);
    return launch_sweep<T, Options<kKind, false, Leaves::kNothing>>(p, schedule, in, out, stream);
}

}  // namespace

int32_t sweep(const Problem &p, const Schedule &schedule, const SweepInputs &in, const Partials &out,
              cudaStream_t stream) {
    if (p.rows == 0) return CCE_OK;
    return with_half(p.spec.dtype, [&](auto scalar) {
        using T = decltype(scalar);
        const LogitMap &map = in.logits.map;
        if (map.capped) return launch_sweep<T, LogitKind::kCapped>(p, schedule, in, out, stream);
        if (map.bias != nullptr) return launch_sweep<T, LogitKind::kBiased>(p, schedule, in, out, stream);
        return launch_sweep<T, LogitKind::kScaled>(p, schedule, in, out, stream);
    });
}

}  // namespace cce::cuda::sm90
