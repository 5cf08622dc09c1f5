// Descriptions of matrices for the copy engine.
#pragma once

#include <cuda.h>

#include <cstdint>

namespace cce::cuda::sm90 {

// A row-major matrix (rows, columns) of 16-bit floats whose rows are `pitch` elements apart, fetched in boxes of
// `box_rows` rows by 128 bytes, which land swizzled. Rows must begin at multiples of 16 bytes.
int32_t describe(const void *matrix, int32_t dtype, int64_t rows, int64_t columns, int64_t pitch,
                 int32_t box_rows, CUtensorMap *map);

}  // namespace cce::cuda::sm90
