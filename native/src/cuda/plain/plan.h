// How the plain kernels cut a problem into pieces, from its shape alone, and where their scratch lies.
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

// Scratch of the forward pass: pointers into a workspace, or none of them if `base` is NULL.
struct ForwardScratch {
    BlockSummary *blocks;   // of prepare
    StateHeader *header;    // these two where the caller has no state
    int64_t *valid_rows;
    float *target_logit;    // (R) where the caller did not ask for it
    float *row_loss;        // (R)
    OnlineLse *partials;    // (splits, R)
    int64_t bytes;
    static ForwardScratch at(const Problem &p, void *base);
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
