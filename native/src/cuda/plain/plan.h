// How the plain kernels of backward cut a problem into pieces, from its shape alone, and where their scratch lies.
#pragma once

#include "common/backend.h"
#include "cuda/plain/kernels.h"

namespace cce::cuda::plain {

// Vocabulary of the kernels that sweep it for 128 rows a block: `count` splits of `tiles_each` tiles of 128 classes.
struct VocabularySplits {
    int64_t count;
    int64_t tiles_each;
    static VocabularySplits of(const Problem &p);
};

// Depth of a matrix product, cut so that its blocks fill a GPU even if it has few tiles.
struct DepthSplits {
    int64_t count;
    int64_t depth_each;
    static DepthSplits of(int64_t lines, int64_t columns, int64_t depth);
};

// Backward goes through the vocabulary in chunks of `chunk` classes, and through each chunk in passes of `pass` rows.
struct BackwardPlan {
    int64_t chunk;
    int64_t pass;
    int64_t passes;
    bool separate_dz;         // dE and dC are filtered differently: two dz
    DepthSplits embeddings;   // depth: the classes of a chunk
    DepthSplits classifier;   // depth: the rows of a pass
    static BackwardPlan of(const Problem &p);
};

struct BackwardScratch {
    BackwardControl *control;
    int64_t *tokens;          // (R)
    float *dropped;           // (2, splits, R)
    float *dz[2];             // (pass, chunk) each; the second is NULL unless separate_dz
    float *partials;          // of the product at hand
    float *embeddings;        // (R, D) where dE is not summed in its own buffer
    float *classifier;        // (chunk, D) where more than one pass is summed
    double *column_sums;      // (R / kColumnSumRows, chunk)
    int64_t bytes;
    static BackwardScratch at(const Problem &p, const BackwardPlan &plan, void *base);
};

}  // namespace cce::cuda::plain
