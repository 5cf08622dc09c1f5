// Primitive 2 (section 4.2 of the paper) on Hopper: a matrix product on the tensor cores whose epilogue is an online
// log-sum-exp. 2 * R * V * D flops, and 2 * (256 + 384) * D bytes from the L2 cache per 256 x 384 logits. One warpgroup
// fetches, two multiply and sum; a persistent grid of clusters goes through the runs of Schedule.
//
// Instances: bf16 and fp16, three kinds of logits, and the sums alone, with segment maxima, or with extras too.
#include "cuda/check.h"
#include "cuda/sm90/consumer.cuh"
#include "cuda/sm90/family.h"
#include "cuda/sm90/producer.cuh"
#include "cuda/sm90/tensor_map.h"

namespace cce::cuda::sm90 {
namespace {

__device__ void list_runs(Shared &shared, const Schedule &schedule, const Logits &logits, int64_t valid,
                          uint32_t block) {
    shared.list.fill(schedule, valid, static_cast<int32_t>(blockIdx.x / kClusterBlocks), static_cast<int32_t>(block));
    for (int32_t r = 0; r < shared.list.count; ++r) {
        const int64_t first = static_cast<int64_t>(shared.list.runs[r].row_tile) * kTileRows;
        const int64_t last = Minimum()(first + kTileRows, valid) - 1;
        shared.contiguous[r] = logits.token(last) - logits.token(first) == last - first;
    }
}

template <typename T, typename Option>
__global__ void __cluster_dims__(kClusterBlocks, 1, 1) __launch_bounds__(kBlockThreads, 1)
sweep_kernel(const __grid_constant__ CUtensorMap embeddings, const __grid_constant__ CUtensorMap classifier,
             const __grid_constant__ Schedule schedule, const __grid_constant__ SweepInputs in, bool smoothing,
             const __grid_constant__ Partials out) {
    extern __shared__ __align__(1024) uint8_t memory[];
    Shared &shared = *reinterpret_cast<Shared *>(memory);
    const uint32_t block = block_in_cluster();
    const int64_t valid = *in.logits.valid;
    const auto steps = static_cast<int32_t>((in.logits.hidden + kStep - 1) / kStep);
    if (threadIdx.x == 0) {
        for (int stage = 0; stage < kStages; ++stage) {
            init_barrier(&shared.full[stage], kFullArrivals);
            init_barrier(&shared.empty[stage], kEmptyArrivals);
        }
        publish_barriers();
        list_runs(shared, schedule, in.logits, valid, block);
    }
    __syncthreads();
    sync_cluster();
    // The same in all lanes: the compiler keeps what follows from it in uniform registers.
    const int32_t warpgroup = __shfl_sync(kAllLanes, static_cast<int32_t>(threadIdx.x) / kWarpgroup, 0);
    if (warpgroup == 0) {
        asm volatile("setmaxnreg.dec.sync.aligned.u32 %0;" ::"n"(kProducerRegisters));
        produce(shared, {embeddings, classifier, in.logits, steps}, block);
    } else {
        asm volatile("setmaxnreg.inc.sync.aligned.u32 %0;" ::"n"(kConsumerRegisters));
        consume<T, Option>(shared, in, out, static_cast<int32_t>(valid), warpgroup - 1, block, steps, smoothing);
    }
    sync_cluster();  // the other block may still arrive at barriers of this one
}

template <typename T, typename Option>
int32_t launch_sweep(const Problem &p, const Schedule &schedule, const SweepInputs &in, const Partials &out,
                     cudaStream_t stream) {
    const auto kernel = sweep_kernel<T, Option>;
    constexpr auto kDoing = "summing the logits";
    CUtensorMap embeddings;
    CUtensorMap classifier;
    CCE_TRY(describe(in.logits.embeddings, p.spec.dtype, p.tokens, p.spec.hidden, kTileRows / kClusterBlocks,
                     &embeddings));
    CCE_TRY(describe(in.logits.classifier, p.spec.dtype, p.spec.classes, p.spec.hidden, kTileClasses, &classifier));
    CCE_TRY(check(cudaFuncSetAttribute(kernel, cudaFuncAttributeMaxDynamicSharedMemorySize, sizeof(Shared)), kDoing));
    kernel<<<schedule.workers * kClusterBlocks, kBlockThreads, sizeof(Shared), stream>>>(
        embeddings, classifier, schedule, in, p.spec.label_smoothing > 0.0, out);
    return check(cudaGetLastError(), kDoing);
}

// The instance of the kernel that does what is asked and no more.
template <typename T, LogitKind kKind>
int32_t launch_sweep(const Problem &p, const Schedule &schedule, const SweepInputs &in, const Partials &out,
                     cudaStream_t stream) {
    if (out.extras != nullptr) return launch_sweep<T, Options<kKind, true, true>>(p, schedule, in, out, stream);
    if (in.segments.codes == nullptr)
        return launch_sweep<T, Options<kKind, false, false>>(p, schedule, in, out, stream);
    return launch_sweep<T, Options<kKind, false, true>>(p, schedule, in, out, stream);
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
