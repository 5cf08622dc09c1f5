// Tiles of logits: what every plain kernel that computes them shares.
#pragma once

#include "cuda/forward/logits.cuh"
#include "cuda/plain/tile.cuh"

namespace cce::cuda::plain {

// z = the logits of 128 rows of E, `tokens` in shared memory, and the classes from `first_class` on; -inf for classes
// that do not exist. The whole block must call it; `tokens` must be visible to it.
template <typename T>
__device__ void logit_tile(MicroTile &z, TileShared &shared, const Logits &logits, const int64_t *tokens,
                           int64_t first_class) {
    const GatheredRowsOperand<T> rows{static_cast<const T *>(logits.embeddings), logits.hidden, tokens};
    const RowsOperand<T> columns{static_cast<const T *>(logits.classifier) + first_class * logits.hidden, logits.hidden,
                                 logits.classes - first_class};
    multiply(z, shared, rows, columns, 0, logits.hidden);
#pragma unroll
    for (int v = 0; v < kMicro; ++v) {
        const int64_t j = first_class + tile_column(v);
        const bool exists = j < logits.classes;
        const float bias = exists ? logits.map.bias_of(j) : 0.0f;
#pragma unroll
        for (int u = 0; u < kMicro; ++u) z[u][v] = exists ? logits.map.logit(z[u][v] + bias) : -INFINITY;
    }
}

}  // namespace cce::cuda::plain
