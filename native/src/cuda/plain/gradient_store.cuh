// Where a gradient goes.
#pragma once

#include "cuda/plain/kernels.h"

namespace cce::cuda::plain {

__device__ inline void store_gradient(const GradientStore &to, int64_t line, int64_t column, float value) {
    const int64_t row = to.rows == nullptr ? line : to.rows[line];
    const int64_t index = row * to.width + column;
    const float before = to.add ? load(to.array, to.dtype, index) : 0.0f;
    store(to.array, to.dtype, index, before + value + *to.initial);
}

// A tile of a product, from `first_line` and `first_column` on, of which lines from `lines` on do not exist.
__device__ inline void store_tile(const GradientStore &to, const MicroTile &tile, int64_t first_line, int64_t lines,
                                  int64_t first_column) {
#pragma unroll
    for (int u = 0; u < kMicro; ++u)
#pragma unroll
        for (int v = 0; v < kMicro; ++v) {
            const int64_t line = first_line + tile_row(u);
            const int64_t column = first_column + tile_column(v);
            if (line < lines && column < to.width) store_gradient(to, line, column, tile[u][v]);
        }
}

// Where split `split` of a product of `lines` lines leaves its share; the product's own place if it is not split.
inline __device__ GradientStore store_of_split(const GradientStore &to, float *partials, int64_t splits, int64_t split,
                                               int64_t lines) {
    if (splits == 1) return to;
    return {partials + split * lines * to.width, CCE_F32, false, nullptr, to.width, to.initial};
}

}  // namespace cce::cuda::plain
