// The scale of dz in float16, which has too few exponents for what a mean over many positions leaves: one power of two
// for all of it, which the products, that sum over positions or classes, take out again.
#include "cuda/backward/kernels.h"
#include "cuda/check.h"
#include "cuda/reduce.cuh"

namespace cce::cuda {
namespace {

constexpr int kScaleThreads = 1024;
constexpr int kLargestExponent = 15;  // the largest |dz| is below 2^15: p may be rounded to a bit more than 1
constexpr int kMostExponent = 126;    // of a scale whose inverse is a normal number too

// The largest magnitude of a class weight. The whole block must call it.
__device__ float largest_weight(const Batch &batch) {
    float largest = 0.0f;
    for (int64_t j = threadIdx.x; j < batch.classes; j += kScaleThreads)
        largest = Maximum()(largest, fabsf(batch.class_weight(j)));
    return reduce_block(largest, Maximum());
}

__global__ void __launch_bounds__(kScaleThreads)
dz_scale_kernel(Logits logits, bool smoothing, const RowGradient *rows, BackwardControl *control) {
    const float weight = smoothing ? largest_weight(logits.batch) : 0.0f;
    float largest = 0.0f;
    for (int64_t i = threadIdx.x; i < control->valid; i += kScaleThreads) {
        const RowGradient &row = rows[i];
        // No |dz| of the position is larger: the slope of a softcap is at most 1.
        const float bound = (fabsf(row.softmax) + fabsf(row.of_target) + fabsf(row.smoothing) * weight) *
                            logits.map.inverse_temperature;
        if (isfinite(bound)) largest = Maximum()(largest, bound);  // the others are lost whatever the scale
    }
    largest = reduce_block(largest, Maximum());
    if (threadIdx.x != 0 || largest == 0.0f) return;
    int exponent;
    frexpf(largest, &exponent);
    const int shift = Maximum()(Minimum()(kLargestExponent - exponent, kMostExponent), -kMostExponent);
    control->dz_scale = ldexpf(1.0f, shift);
    control->inverse_dz_scale = ldexpf(1.0f, -shift);
}

}  // namespace

int32_t scale_dz(const Problem &p, const Logits &logits, const RowGradient *rows, BackwardControl *control,
                 cudaStream_t stream) {
    return launch("scaling the gradient of the logits", dz_scale_kernel, 1, kScaleThreads, stream, logits,
                  p.spec.label_smoothing > 0.0, rows, control);
}

}  // namespace cce::cuda
