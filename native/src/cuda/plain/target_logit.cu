// Primitive 1 (section 4.1 of the paper): the logit of each target, one warp a position. Reads 2 * R * D elements and
// is bound by memory.
#include "cuda/check.h"
#include "cuda/plain/kernels.h"
#include "cuda/reduce.cuh"

namespace cce::cuda::plain {
namespace {

template <typename T>
__global__ void __launch_bounds__(kThreads)
target_logit_kernel(Logits logits, int64_t rows, float *target_logit) {
    const int64_t r = (static_cast<int64_t>(blockIdx.x) * kThreads + threadIdx.x) / kWarp;
    if (r >= rows) return;  // the whole warp
    const int64_t lane = threadIdx.x % kWarp;
    const int64_t target = logits.batch.target(r);
    if (!logits.batch.is_class(target)) {
        if (lane == 0) target_logit[r] = 0.0f;
        return;
    }
    const T *e = static_cast<const T *>(logits.embeddings) + logits.batch.token(r) * logits.hidden;
    const T *c = static_cast<const T *>(logits.classifier) + target * logits.hidden;
    float dot = 0.0f;
    for (int64_t d = lane; d < logits.hidden; d += kWarp) dot = fmaf(to_float(e[d]), to_float(c[d]), dot);
    dot = reduce_lanes(dot, Sum());
    if (lane == 0) target_logit[r] = logits.map.logit(dot + logits.map.bias_of(target));
}

}  // namespace

int32_t target_logits(const Problem &p, const Logits &logits, float *target_logit, cudaStream_t stream) {
    return with_scalar(p.spec.dtype, [&](auto scalar) {
        return launch("computing the targets' logits", target_logit_kernel<decltype(scalar)>,
                      div_up(p.rows, kThreads / kWarp), kThreads, stream, logits, p.rows, target_logit);
    });
}

}  // namespace cce::cuda::plain
