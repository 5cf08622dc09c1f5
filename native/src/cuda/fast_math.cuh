// Float functions of the fast kernels: to a few units in the last place, a NaN in gives a NaN out.
#pragma once

#include <cuda_runtime.h>

#include "cuda/logit.cuh"

namespace cce::cuda {

constexpr float kLog2E = 1.4426950408889634f;

// 2^x; results below 2^-126 are 0.
__device__ __forceinline__ float fast_exp2(float x) {
    float y;
    asm("ex2.approx.ftz.f32 %0, %1;" : "=f"(y) : "f"(x));
    return y;
}

// NaN if either is.
__device__ __forceinline__ float max_or_nan(float a, float b) {
    float y;
    asm("max.NaN.f32 %0, %1, %2;" : "=f"(y) : "f"(a), "f"(b));
    return y;
}

// Relative error below 1e-6. Near 0 the series of tanh, where the quotient would cancel.
__device__ __forceinline__ float fast_tanh(float x) {
    constexpr float kSeriesBelow = 0.3f;
    const float power = fast_exp2(-2.0f * kLog2E * fabsf(x));
    const float quotient = copysignf(__fdividef(1.0f - power, 1.0f + power), x);
    const float square = x * x;
    float series = fmaf(square, 62.0f / 2835.0f, -17.0f / 315.0f);
    series = fmaf(square, series, 2.0f / 15.0f);
    series = fmaf(square, series, -1.0f / 3.0f);
    series = fmaf(square * x, series, x);
    return fabsf(x) < kSeriesBelow ? series : quotient;
}

// As LogitMap::logit.
__device__ __forceinline__ float fast_logit(const LogitMap &map, float x) {
    return map.capped ? map.cap_scale * fast_tanh(x * map.inverse_softcap) : x * map.inverse_temperature;
}

}  // namespace cce::cuda
