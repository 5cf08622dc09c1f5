// A log-sum-exp in the making, with what else is wanted of the same logits.
#pragma once

#include <cmath>
#include <cstdint>

#include "cuda/reduce.cuh"

namespace cce::cuda {

// A NaN counts as the largest, as in PyTorch, so that it reaches every result.
__device__ inline bool beats(float a, float b) { return a > b || (isnan(a) && !isnan(b)); }

struct OnlineLse {
    float max;       // -inf before the first logit
    float sum;       // sum_j exp(z_j - max)
    float centred;   // sum_j exp(z_j - max) * (z_j - max), for the entropy
    float weighted;  // sum_j w_j * z_j, for label smoothing
    int64_t argmax;  // the lowest j of max

    __device__ static OnlineLse nothing() { return {-INFINITY, 0.0f, 0.0f, 0.0f, INT64_MAX}; }

    // In double, so that a loss far smaller than its lse keeps its digits.
    __device__ double lse() const { return max + log(static_cast<double>(sum)); }
    __device__ float entropy() const { return logf(sum) - centred / sum; }
};

// What `part` adds to the sums of a whole whose maximum is `max`. No difference of infinities arises unless a logit is
// +inf, and a part that vanishes next to the maximum adds 0.
__device__ inline void add_rescaled(OnlineLse *whole, const OnlineLse &part, float max) {
    const float difference = part.max == max ? 0.0f : part.max - max;
    const float scale = expf(difference);
    whole->sum += scale * part.sum;
    if (scale != 0.0f) whole->centred += scale * (part.centred + difference * part.sum);
    whole->weighted += part.weighted;
}

__device__ inline OnlineLse merge(const OnlineLse &a, const OnlineLse &b) {
    const bool from_a = beats(a.max, b.max) || (!beats(b.max, a.max) && a.argmax < b.argmax);
    OnlineLse whole = OnlineLse::nothing();
    whole.max = from_a ? a.max : b.max;
    whole.argmax = from_a ? a.argmax : b.argmax;
    add_rescaled(&whole, a, whole.max);
    add_rescaled(&whole, b, whole.max);
    return whole;
}

// As reduce_lanes.
template <int kLanes = kWarp>
__device__ OnlineLse merge_lanes(OnlineLse lse) {
#pragma unroll
    for (int distance = kLanes / 2; distance > 0; distance /= 2)
        lse = merge(lse, {__shfl_xor_sync(kAllLanes, lse.max, distance), __shfl_xor_sync(kAllLanes, lse.sum, distance),
                          __shfl_xor_sync(kAllLanes, lse.centred, distance),
                          __shfl_xor_sync(kAllLanes, lse.weighted, distance),
                          __shfl_xor_sync(kAllLanes, lse.argmax, distance)});
    return lse;
}

}  // namespace cce::cuda
