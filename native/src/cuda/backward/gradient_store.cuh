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

// Two neighbouring elements, the first at an even place.
__device__ inline float2 load_pair(const float *from) { return *reinterpret_cast<const float2 *>(from); }
__device__ inline float2 load_pair(const __nv_bfloat16 *from) {
    return __bfloat1622float2(*reinterpret_cast<const __nv_bfloat162 *>(from));
}
__device__ inline float2 load_pair(const __half *from) {
    return __half22float2(*reinterpret_cast<const __half2 *>(from));
}
__device__ inline void store_pair(float *to, float a, float b) { *reinterpret_cast<float2 *>(to) = {a, b}; }
template <typename T>
__device__ void store_pair(T *to, float a, float b) {
    *reinterpret_cast<uint32_t *>(to) = pair_from_floats<T>(a, b);
}

}  // namespace cce::cuda
