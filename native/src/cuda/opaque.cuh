// Against registers that hold what is quickly computed.
#pragma once

#include <cstdint>

namespace cce::cuda {

// Keeps the compiler from holding what follows from `value` in registers: it computes that anew.
__device__ inline int32_t opaque(int32_t value) {
    asm volatile("" : "+r"(value));
    return value;
}

}  // namespace cce::cuda
