// Where a gradient goes.
#pragma once

#include "cuda/backward/kernels.h"

namespace cce::cuda {

__device__ inline void store_gradient(const GradientStore &to, int64_t line, int64_t column, float value) {
    const int64_t row = to.rows == nullptr ? line : to.rows[line];
    const int64_t index = row * to.width + column;
    const float before = to.add ? load(to.array, to.dtype, index) : 0.0f;
    store(to.array, to.dtype, index, before + value + to.control->initial);
}

// Where split `split` of a product of `lines` lines leaves its share; the product's own place if it is not split.
__device__ inline GradientStore store_of_split(const GradientStore &to, float *partials, int64_t splits, int64_t split,
                                               int64_t lines) {
    if (splits == 1) return to;
    return {partials + split * lines * to.width, CCE_F32, false, nullptr, to.width, to.control};
}

}  // namespace cce::cuda
