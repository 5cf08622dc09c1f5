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

// 1 / x; 0 if x is infinite.
__device__ __forceinline__ float fast_reciprocal(float x) {
    float y;
    asm("rcp.approx.ftz.f32 %0, %1;" : "=f"(y) : "f"(x));
    return y;
}

// tanh(t) = kTanhUnit * scaled_tanh(kTanhScale * t): in these scales the polynomial has no coefficients of 1, and a bit
// tells which s = kTanhScale * t it is for.
constexpr float kTanhScale = 2.1005232f;
constexpr float kTanhUnit = 0x1p-20f;

// Set in floats of 2 or more and in NaN, whatever the sign.
constexpr uint32_t kOuterBit = 1u << 30;
__device__ __forceinline__ bool is_outer(float s) { return (__float_as_uint(s) & kOuterBit) != 0; }

// scaled_tanh for |s| < 2, which is |t| < 0.952, without special functions, for which there are few units. The minimax
// polynomial s * P(s^2) of degree 11, P in powers of the distance from where it has no term of degree 4. Relative error
// below 4.7e-7: all normal floats were tried.
__device__ __forceinline__ float inner_tanh(float s) {
    const float v = fmaf(s, s, -4.5712323f);
    float series = fmaf(-v, v, -93.599915f);
    series = fmaf(series, v, 1170.4017f);
    series = fmaf(series, v, -18958.95f);
    series = fmaf(series, v, 377137.88f);
    return s * series;
}

// The same for |s| >= 2 and NaN. Relative error below 3e-7.
__device__ __forceinline__ float outer_tanh(float s) {
    const float power = fast_exp2(2.0f * kLog2E / kTanhScale * fabsf(s));
    return copysignf(fmaf(-2.0f / kTanhUnit, fast_reciprocal(1.0f + power), 1.0f / kTanhUnit), s);
}

// The scales of a softcap: x times the first is s, and a scaled_tanh times the second is a logit.
__device__ __forceinline__ float cap_factor(const LogitMap &map) { return map.inverse_softcap * kTanhScale; }
__device__ __forceinline__ float cap_unit(const LogitMap &map) { return map.cap_scale * kTanhUnit; }

// As LogitMap::logit, with a softcap.
__device__ __forceinline__ float fast_capped(const LogitMap &map, float x) {
    const float s = x * cap_factor(map);
    float tanh = inner_tanh(s);
    if (is_outer(s)) tanh = outer_tanh(s);
    return tanh * cap_unit(map);
}

// As LogitMap::logit.
__device__ __forceinline__ float fast_logit(const LogitMap &map, float x) {
    return map.capped ? fast_capped(map, x) : x * map.inverse_temperature;
}

}  // namespace cce::cuda
