// float32 from and to the 16-bit formats, rounding to nearest even, denormals and NaN included.
#pragma once

#include "cpu/kernels/simd.h"

namespace cce::cpu::CCE_FAMILY {

template <Element kElement>
struct Storage {
    using Type = uint16_t;
};
template <>
struct Storage<Element::kF32> {
    using Type = float;
};

CCE_INLINE Floats widen(Halves halves, Element element) {
    const Bits b = __builtin_convertvector(halves, Bits);
    if (element == Element::kBF16) return floats(b << 16);
    // Exponent and mantissa move to their places; a multiplication by 2^112 corrects the exponent's bias and makes
    // denormals normal. Infinity and NaN have the largest exponent in both formats.
    const Floats finite = floats((b & 0x7fffu) << 13) * 0x1p112f;
    const Bits magnitude = (b & 0x7c00u) == 0x7c00u ? ((b & 0x7fffu) << 13) | 0x7f800000u : bits(finite);
    return floats(magnitude | ((b & 0x8000u) << 16));
}

CCE_INLINE Halves narrow(Floats v, Element element) {
    const Bits b = bits(v);
    const Bits magnitude = b & 0x7fffffffu;
    if (element == Element::kBF16) {
        const Bits rounded = (b + 0x7fffu + ((b >> 16) & 1u)) >> 16;
        return __builtin_convertvector(magnitude > 0x7f800000u ? (b >> 16) | 0x40u : rounded, Halves);
    }
    // Below 2^-14 an addition of 1/2 lets the floating-point unit round to multiples of 2^-24.
    const Bits small = bits(floats(magnitude) + 0.5f) - 0x3f000000u;
    const Bits normal = (magnitude + 0xfffu + ((magnitude >> 13) & 1u) - (112u << 23)) >> 13;
    Bits half = magnitude < (113u << 23) ? small : normal;
    half = magnitude >= 0x477ff000u ? 0x7c00u - Bits{} : half;
    half = magnitude > 0x7f800000u ? 0x7e00u - Bits{} : half;
    return __builtin_convertvector(half | ((b >> 16) & 0x8000u), Halves);
}

template <Element kElement>
CCE_INLINE Floats load_as_floats(const typename Storage<kElement>::Type *p) {
    if constexpr (kElement == Element::kF32)
        return load(p);
    else
        return widen(*reinterpret_cast<const UnalignedHalves *>(p), kElement);
}

template <Element kElement>
CCE_INLINE void store_floats(typename Storage<kElement>::Type *p, Floats v) {
    if constexpr (kElement == Element::kF32)
        store(p, v);
    else
        *reinterpret_cast<UnalignedHalves *>(p) = narrow(v, kElement);
}

// The first `count` < kLanes elements, then zeros.
template <Element kElement>
CCE_INLINE Floats load_some(const typename Storage<kElement>::Type *p, int64_t count) {
    typename Storage<kElement>::Type buffer[kLanes] = {};
    for (int64_t i = 0; i < count; ++i) buffer[i] = p[i];
    return load_as_floats<kElement>(buffer);
}

// Elements [at, at + kLanes) of a row of `width`; zeros beyond it.
template <Element kElement>
CCE_INLINE Floats load_row(const typename Storage<kElement>::Type *row, int64_t at, int64_t width) {
    if (at + kLanes <= width) return load_as_floats<kElement>(row + at);
    return at < width ? load_some<kElement>(row + at, width - at) : Floats{};
}

// Calls `function` with the element type as a template argument.
#define CCE_BY_ELEMENT(element, function, ...)                             \
    switch (element) {                                                     \
        case Element::kF32: function<Element::kF32>(__VA_ARGS__); break;   \
        case Element::kF16: function<Element::kF16>(__VA_ARGS__); break;   \
        case Element::kBF16: function<Element::kBF16>(__VA_ARGS__); break; \
    }

template <Element kElement>
void load_elements(const void *from, int64_t count, float *values) {
    const auto *p = static_cast<const typename Storage<kElement>::Type *>(from);
    int64_t i = 0;
    for (; i + kLanes <= count; i += kLanes) store(values + i, load_as_floats<kElement>(p + i));
    if (i == count) return;
    const Floats last = load_some<kElement>(p + i, count - i);
    for (int64_t j = i; j < count; ++j) values[j] = last[j - i];
}

void load_as_float(const void *from, Element element, int64_t count, float *values) {
    CCE_BY_ELEMENT(element, load_elements, from, count, values);
}

template <Element kElement>
void store_elements(const float *values, int64_t count, bool accumulate, void *to) {
    auto *p = static_cast<typename Storage<kElement>::Type *>(to);
    int64_t i = 0;
    for (; i + kLanes <= count; i += kLanes) {
        Floats v = load(values + i);
        if (accumulate) v += load_as_floats<kElement>(p + i);
        store_floats<kElement>(p + i, v);
    }
    if (i == count) return;
    Floats v = load_some<Element::kF32>(values + i, count - i);
    if (accumulate) v += load_some<kElement>(p + i, count - i);
    typename Storage<kElement>::Type buffer[kLanes];
    store_floats<kElement>(buffer, v);
    for (int64_t j = i; j < count; ++j) p[j] = buffer[j - i];
}

void store_from_float(const float *values, int64_t count, Element element, bool accumulate, void *to) {
    CCE_BY_ELEMENT(element, store_elements, values, count, accumulate, to);
}

}  // namespace cce::cpu::CCE_FAMILY
