// The logits of the counting positions: their operands, and how a dot product becomes one.
#pragma once

#include "cuda/batch.cuh"
#include "cuda/logit.cuh"

namespace cce::cuda {

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
        return {in.embeddings,    in.classifier, p.spec.hidden, p.spec.classes, LogitMap::of(p, in),
                Batch::of(p, in), valid,         valid_rows};
    }

    // The row of E of position i; -1 for an i that does not exist.
    __device__ int64_t token(int64_t i) const { return i < *valid ? batch.token(valid_rows[i]) : -1; }
};

// Whether every row of E and C begins at a multiple of 16 bytes, as wide loads and asynchronous copies need it. NULL
// counts as aligned.
inline bool rows_are_aligned(const void *embeddings, const void *classifier, int64_t row_bytes) {
    const uintptr_t all = reinterpret_cast<uintptr_t>(embeddings) | reinterpret_cast<uintptr_t>(classifier) |
                          static_cast<uintptr_t>(row_bytes);
    return all % 16 == 0;
}

}  // namespace cce::cuda
