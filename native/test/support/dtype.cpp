#include "support/dtype.h"

#include <cmath>
#include <limits>

#include "cce.h"

namespace cce::test {

int64_t dtype_bytes(int32_t dtype) { return dtype == CCE_I64 ? 8 : dtype == CCE_F32 || dtype == CCE_I32 ? 4 : 2; }

const char *dtype_name(int32_t dtype) {
    constexpr const char *kNames[] = {"f32", "f16", "bf16", "i32", "i64"};
    return kNames[dtype];
}

double decode(uint16_t bits, int32_t dtype) {
    const int exponent_bits = dtype == CCE_F16 ? 5 : 8, mantissa_bits = 15 - exponent_bits;
    const int bias = (1 << (exponent_bits - 1)) - 1;
    const int exponent = (bits & 0x7fff) >> mantissa_bits, mantissa = bits & ((1 << mantissa_bits) - 1);
    const double sign = bits & 0x8000 ? -1.0 : 1.0;
    if (exponent == (1 << exponent_bits) - 1)
        return mantissa ? std::nan("") : sign * std::numeric_limits<double>::infinity();
    if (exponent == 0) return sign * std::ldexp(mantissa, 1 - bias - mantissa_bits);
    return sign * std::ldexp(mantissa + (1 << mantissa_bits), exponent - bias - mantissa_bits);
}

uint16_t encode(double value, int32_t dtype) {
    const int exponent_bits = dtype == CCE_F16 ? 5 : 8, mantissa_bits = 15 - exponent_bits;
    const int bias = (1 << (exponent_bits - 1)) - 1;
    const uint16_t sign = std::signbit(value) ? 0x8000 : 0;
    const uint16_t infinity = static_cast<uint16_t>(((1 << exponent_bits) - 1) << mantissa_bits);
    if (std::isnan(value)) return infinity | (1 << (mantissa_bits - 1));
    const double magnitude = std::fabs(value);
    if (magnitude == 0) return sign;
    int exponent = std::isinf(magnitude) ? 2000 : std::ilogb(magnitude);
    if (exponent < 1 - bias) exponent = 1 - bias;
    if (exponent > bias) return sign | infinity;
    const double steps = std::nearbyint(std::ldexp(magnitude, mantissa_bits - exponent));
    const int64_t bits = static_cast<int64_t>(steps) + (static_cast<int64_t>(exponent + bias - 1) << mantissa_bits);
    return sign | static_cast<uint16_t>(bits > infinity ? infinity : bits);
}

double round_to_tf32(double value) {
    if (value == 0 || !std::isfinite(value)) return value;
    const int below_point = 10 - std::ilogb(value);
    return std::ldexp(std::round(std::ldexp(value, below_point)), -below_point);
}

}  // namespace cce::test
