// How backward cuts a problem into pieces, from its shape alone, and where its scratch lies.
#pragma once

#include "common/problem.h"
#include "cuda/backward/kernels.h"
#include "cuda/filtered/filtered.h"

namespace cce::cuda {

// Depth of a matrix product, cut into `count` splits of `depth_each`, the last one perhaps shorter.
struct DepthSplits {
    int64_t count;
    int64_t depth_each;

    // For a product of `tiles` tiles of results: enough splits to give `blocks` thread blocks something to do, each a
    // multiple of `step`.
    static DepthSplits of(int64_t tiles, int64_t depth, int64_t step, int64_t blocks);
};

// Backward goes through the vocabulary in chunks of `chunk` classes, and through each chunk in passes of `pass` rows.
// A family chooses both.
struct BackwardPlan {
    static constexpr int64_t kChunkStep = 64;

    int64_t chunk;            // and pitch of dz: a multiple of kChunkStep
    int64_t pass;             // a multiple of kColumnSumRows where there is more than one
    int64_t passes;
    bool separate_dz;         // as separates_dz
    DepthSplits embeddings;   // depth: the classes of a chunk
    DepthSplits classifier;   // depth: the rows of a pass

    // Whether dE, and dC or db, are filtered differently, which takes two dz.
    static bool separates_dz(const Problem &p);
};

struct BackwardScratch {
    BackwardControl *control;
    int64_t *tokens;          // (R)
    RowGradient *rows;        // (R)
    float *dropped;           // (2, splits, R)
    void *dz[2];              // (pass, chunk) each; the second is NULL unless separate_dz
    float *partials;          // of the product at hand
    float *embeddings;        // (R, D) where dE is not summed in its own buffer
    float *classifier;        // (chunk, D) where more than one pass is summed
    double *column_sums;      // (R / kColumnSumRows, chunk)
    filtered::Scratch lists;  // where that applies; the parts from `dropped` on then only with a limit
    int64_t bytes;
    // `dz_bytes`: of one element of dz.
    static BackwardScratch at(const Problem &p, const BackwardPlan &plan, int32_t dz_bytes, void *base);
};

}  // namespace cce::cuda
