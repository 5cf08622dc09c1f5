// What filters of the gradient of the logits leave out.
#pragma once

#include "dense/dense_head.h"

namespace cce::benchmark {

constexpr int64_t kFilterTile = 128;

// Of each row, summed over chunks.
struct Kept {
    float entries;
    float dropped_mass;  // of the softmax
};

// Both write the dropped part of dense.dz(), so that a product with it is the error of a gradient, and add to `kept`
// (rows), which begins as zeros, unless it is NULL.

// Keeps p >= eps and the target.
void write_dropped_entries(const DenseHead &dense, const DenseChunk &chunk, float eps, Kept *kept, cudaStream_t stream);

// Keeps whole tiles, of 128 rows and 128 classes in the chunk's order, with an entry |p - onehot(target)| >= eps; of
// others it drops all.
void write_dropped_tiles(const DenseHead &dense, const DenseChunk &chunk, float eps, Kept *kept, cudaStream_t stream);

}  // namespace cce::benchmark
