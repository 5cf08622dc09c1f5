// From a dot product to a logit: z = softcap * tanh((E . C + b) / softcap) / temperature.
#pragma once

#include "common/problem.h"
#include "cuda/scalar.cuh"

namespace cce::cuda {

struct LogitMap {
    const void *bias;
    int32_t bias_dtype;
    bool capped;
    float inverse_softcap;
    float cap_scale;            // softcap / temperature
    float inverse_cap_scale;
    float inverse_temperature;

    static LogitMap of(const Problem &p, const cce_inputs &in) {
        // tanh(x / softcap) * softcap is x in float32 long before a softcap leaves its range.
        const bool capped = p.spec.softcap > 0.0 && p.spec.softcap < 1e18;
        const double softcap = capped ? p.spec.softcap : 1.0;
        return {in.bias,
                p.spec.bias_dtype,
                capped,
                static_cast<float>(1.0 / softcap),
                static_cast<float>(softcap / p.spec.temperature),
                static_cast<float>(p.spec.temperature / softcap),
                static_cast<float>(1.0 / p.spec.temperature)};
    }

    __device__ float bias_of(int64_t j) const { return bias == nullptr ? 0.0f : load(bias, bias_dtype, j); }

    // x is E . C + b.
    __device__ float logit(float x) const {
        return capped ? cap_scale * tanhf(x * inverse_softcap) : x * inverse_temperature;
    }

    // dz/dx at the x whose logit is z: (1 - tanh^2) / temperature.
    __device__ float slope(float z) const {
        if (!capped) return inverse_temperature;
        const float tanh = z * inverse_cap_scale;
        return (1.0f - tanh * tanh) * inverse_temperature;
    }
};

}  // namespace cce::cuda
