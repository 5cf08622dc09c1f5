// The data types of arrays; the 16-bit ones by their definition.
#pragma once

#include <cstdint>

namespace cce::test {

int64_t dtype_bytes(int32_t dtype);
const char *dtype_name(int32_t dtype);

double decode(uint16_t bits, int32_t dtype);
uint16_t encode(double value, int32_t dtype);  // to nearest even

double round_to_tf32(double value);  // to 11 significant bits, the nearest, ties away from zero

}  // namespace cce::test
