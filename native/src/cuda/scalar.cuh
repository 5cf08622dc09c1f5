// Array elements of any dtype as float, and back.
#pragma once

#include <cuda_bf16.h>
#include <cuda_fp16.h>

#include "common/status.h"

namespace cce::cuda {

__device__ inline float to_float(float x) { return x; }
__device__ inline float to_float(__half x) { return __half2float(x); }
__device__ inline float to_float(__nv_bfloat16 x) { return __bfloat162float(x); }

template <typename T>
__device__ T from_float(float x);
template <>
__device__ inline float from_float<float>(float x) {
    return x;
}
template <>
__device__ inline __half from_float<__half>(float x) {
    return __float2half_rn(x);
}
template <>
__device__ inline __nv_bfloat16 from_float<__nv_bfloat16>(float x) {
    return __float2bfloat16_rn(x);
}

// Two neighbouring elements.
template <typename T>
__device__ uint32_t pair_from_floats(float first, float second);
template <>
__device__ inline uint32_t pair_from_floats<__half>(float first, float second) {
    const __half2 pair = __floats2half2_rn(first, second);
    return reinterpret_cast<const uint32_t &>(pair);
}
template <>
__device__ inline uint32_t pair_from_floats<__nv_bfloat16>(float first, float second) {
    const __nv_bfloat162 pair = __floats2bfloat162_rn(first, second);
    return reinterpret_cast<const uint32_t &>(pair);
}

// For arrays that are not in an inner loop.
__device__ inline float load(const void *array, int32_t dtype, int64_t index) {
    switch (dtype) {
        case CCE_F16: return to_float(static_cast<const __half *>(array)[index]);
        case CCE_BF16: return to_float(static_cast<const __nv_bfloat16 *>(array)[index]);
        default: return static_cast<const float *>(array)[index];
    }
}

__device__ inline void store(void *array, int32_t dtype, int64_t index, float value) {
    switch (dtype) {
        case CCE_F16: static_cast<__half *>(array)[index] = from_float<__half>(value); break;
        case CCE_BF16: static_cast<__nv_bfloat16 *>(array)[index] = from_float<__nv_bfloat16>(value); break;
        default: static_cast<float *>(array)[index] = value;
    }
}

// Calls `work` with a value of the C++ type of a floating dtype: the instance of a kernel is chosen by its type.
template <typename Work>
int32_t with_scalar(int32_t dtype, Work work) {
    switch (dtype) {
        case CCE_F16: return work(__half{});
        case CCE_BF16: return work(__nv_bfloat16{});
        default: return work(float{});
    }
}

// The same for the 16-bit dtypes alone.
template <typename Work>
int32_t with_half(int32_t dtype, Work work) {
    return dtype == CCE_F16 ? work(__half{}) : work(__nv_bfloat16{});
}

}  // namespace cce::cuda
