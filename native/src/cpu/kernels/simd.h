// A vector of kLanes floats in the compiler's own vector types, so that one text serves every instruction set.
// The file that includes this defines CCE_FAMILY and the namespace's kLanes and kVectors.
#pragma once

#include "cpu/kernels/table.h"

#define CCE_INLINE inline __attribute__((always_inline))

namespace cce::cpu::CCE_FAMILY {

constexpr int kPanel = kLanes * kVectors;

typedef float Floats __attribute__((vector_size(kLanes * 4)));
typedef int32_t Ints __attribute__((vector_size(kLanes * 4)));
typedef uint32_t Bits __attribute__((vector_size(kLanes * 4)));
typedef uint16_t Halves __attribute__((vector_size(kLanes * 2)));
typedef float UnalignedFloats __attribute__((vector_size(kLanes * 4), aligned(4), may_alias));
typedef uint16_t UnalignedHalves __attribute__((vector_size(kLanes * 2), aligned(2), may_alias));

CCE_INLINE Floats load(const float *p) { return *reinterpret_cast<const UnalignedFloats *>(p); }
CCE_INLINE void store(float *p, Floats v) { *reinterpret_cast<UnalignedFloats *>(p) = v; }
CCE_INLINE Floats splat(float x) { return x - Floats{}; }  // exact for every x, -0 and NaN included
CCE_INLINE Ints splat(int32_t x) { return x - Ints{}; }
CCE_INLINE Bits bits(Floats v) { return reinterpret_cast<Bits>(v); }
CCE_INLINE Floats floats(Bits v) { return reinterpret_cast<Floats>(v); }
CCE_INLINE Floats maximum(Floats a, Floats b) { return a > b ? a : b; }
CCE_INLINE Floats absolute(Floats v) { return floats(bits(v) & 0x7fffffffu); }

CCE_INLINE float sum_lanes(Floats v) {
    float sum = v[0];
    for (int i = 1; i < kLanes; ++i) sum += v[i];
    return sum;
}

CCE_INLINE bool any(Ints mask) {
    int32_t all = 0;
    for (int i = 0; i < kLanes; ++i) all |= mask[i];
    return all != 0;
}

}  // namespace cce::cpu::CCE_FAMILY
