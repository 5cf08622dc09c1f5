// Exponential and hyperbolic tangent, about 1 ulp. Coefficients are minimax fits of this project.
#pragma once

#include "cpu/kernels/simd.h"

namespace cce::cpu::CCE_FAMILY {

// exp(x); 0 below the smallest normal number, infinity above the largest, NaN for NaN.
CCE_INLINE Floats exponential(Floats x) {
    constexpr float kSmallest = -86.9f, kLargest = 89.0f;
    constexpr float kRound = 12582912.0f;  // 1.5 * 2^23: adding it rounds to an integer in the low bits
    Floats t = x < kSmallest ? splat(kSmallest) : x;
    t = t > kLargest ? splat(kLargest) : t;
    const Floats shifted = t * 1.44269504088896341f + kRound;
    const Floats n = shifted - kRound;
    Floats r = t - n * 0.693359375f;       // ln 2 in two parts, the first exact in products with n
    r = r - n * -2.12194440054690583e-4f;
    Floats q = splat(0x1.6d75fcp-10f);
    q = q * r + 0x1.120c04p-7f;
    q = q * r + 0x1.5554b8p-5f;
    q = q * r + 0x1.5554dcp-3f;
    q = q * r + 0.5f;
    const Floats value = (q * r) * r + r + 1.0f;
    // 2^(n-1) and then a doubling: n reaches 128.
    const Bits scale = (bits(shifted) - 0x4b400000u + 126u) << 23;
    const Floats scaled = value * floats(scale) * 2.0f;
    return x < kSmallest ? Floats{} : scaled;
}

struct Tanh {
    Floats value;
    Floats derivative;  // 1 - value^2, without its cancellation
};

CCE_INLINE Tanh hyperbolic_tangent(Floats x) {
    const Floats e = exponential(absolute(x) * -2.0f);
    const Floats inverse = 1.0f / (1.0f + e);
    const Floats far = floats(bits((1.0f - e) * inverse) | (bits(x) & 0x80000000u));
    const Floats square = x * x;
    Floats q = splat(-0.006621257867664099f);
    q = q * square + 0.02131607197225094f;
    q = q * square - 0.053910695016384125f;
    q = q * square + 0.13333120942115784f;
    q = q * square - 0.3333333134651184f;
    const Floats near = (q * square) * x + x;
    return {absolute(x) < 0.55f ? near : far, (4.0f * e) * (inverse * inverse)};
}

}  // namespace cce::cpu::CCE_FAMILY
