// The gradient of one logit before softcap, as RowGradient has it.
#pragma once

#include "cuda/backward/kernels.h"

namespace cce::cuda {

struct DzElement {
    float probability;
    float softmax;
    float rest;   // what the softmax does not contribute, negated
    float slope;  // dz/dx
    bool is_target;

    // `probability` is exp(z - row.lse), however exactly the kernel computes it; `weight` is that of the class, and 0
    // without label smoothing.
    __device__ static DzElement of(const RowGradient &row, float probability, bool is_target, float weight,
                                   float slope) {
        return {probability, row.softmax, (is_target ? row.of_target : 0.0f) + row.smoothing * weight, slope,
                is_target};
    }

    // With a probability below `threshold` as 0, except for the target.
    __device__ float filtered(float threshold) const {
        const float kept = !is_target && probability < threshold ? 0.0f : probability;
        return (kept * softmax - rest) * slope;
    }
};

}  // namespace cce::cuda
