// Sums of what the filters keep of a position.
#pragma once

#include "cuda/backward/kernels.h"

namespace cce::cuda {

// NaN is as good as all of it.
__device__ inline void add_mass(KeptMass *mass, float more) {
    atomicAdd(mass, __float2ull_rn(fminf(more, 1.0f) * kWholeMass));
}

}  // namespace cce::cuda
