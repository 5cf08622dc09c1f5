// Tiles of logits: what every kernel that recomputes them shares.
#pragma once

#include "cuda/batch.cuh"
#include "cuda/logit.cuh"
#include "cuda/plain/tile.cuh"

namespace cce::cuda::plain {

// Logits of the counting positions i = 0, 1, ... < *valid, whose r is valid_rows[i].
struct Logits {
    const void *embeddings;
    const void *classifier;
    int64_t hidden;
    int64_t classes;
    LogitMap map;
    Batch batch;
    const int64_t *valid;
    const int64_t *valid_rows;

    static Logits of(const Problem &p, const cce_inputs &in, const int64_t *valid, const int64_t *valid_rows) {
        return {in.embeddings,         in.classifier, p.spec.hidden, p.spec.classes, LogitMap::of(p, in),
                Batch::of(p, in), valid,         valid_rows};
    }

    // The row of E of position i; -1 for an i that does not exist.
    __device__ int64_t token(int64_t i) const { return i < *valid ? batch.token(valid_rows[i]) : -1; }
};

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
