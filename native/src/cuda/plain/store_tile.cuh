// Where a tile of a product with dz goes.
#pragma once

#include "cuda/backward/gradient_store.cuh"
#include "cuda/plain/tile.cuh"

namespace cce::cuda::plain {

// The tile from `first_line` and `first_column` on, of which lines from `lines` on do not exist.
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

}  // namespace cce::cuda::plain
