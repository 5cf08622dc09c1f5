// How backward cuts a problem into pieces, from its shape alone, and where its scratch lies.
#pragma once

#include "common/problem.h"
#include "cuda/backward/condensed.h"
#include "cuda/backward/kernels.h"
#include "cuda/filtered/filtered.h"

namespace cce::cuda {

struct BackwardKernels;

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

    int64_t tile;             // classes of a tile of dz
    int64_t chunk;            // and pitch of dz: a multiple of kChunkStep
    int64_t pass;
    int64_t passes;
    bool separate_dz;         // as separates_dz
    DepthSplits embeddings;   // depth: the classes of a chunk
    DepthSplits classifier;   // depth: the rows of a pass

    // Whether dE, and dC or db, are filtered differently, which takes two dz.
    static bool separates_dz(const Problem &p);

    // What dz may take on the tensor cores: the more, the fewer times the sums of dE are read and written.
    static int64_t most_dz_bytes(const Problem &p);
};

// Scratch of the products of one chunk.
struct ChunkScratch {
    void *dz[2];          // (pass, pitch) each; the second is NULL unless separate_dz
    float *classifier;    // (pitch, D) where more than one pass is summed
    double *biases;       // (pitch), likewise

    // `pitch`: of dz; `dz_bytes`: of an element of it.
    static ChunkScratch at(const Problem &p, const BackwardPlan &plan, int64_t pitch, int32_t dz_bytes, Carver *carver);
};

// Scratch of the products of all chunks, one after another.
struct DenseScratch {
    float *partials;    // of the product at hand
    float *embeddings;  // (R, D) where dE is not summed in its own buffer
    ChunkScratch chunk;

    static DenseScratch at(const Problem &p, const BackwardPlan &plan, int32_t dz_bytes, Carver *carver);
};

struct BackwardScratch {
    BackwardControl *control;
    int64_t *tokens;          // (R)
    RowGradient *rows;        // (R)
    KeptMass *kept;           // (2, R) with a filter
    filtered::Scratch lists;  // where that applies
    int64_t lists_end;        // offset of what follows them
    LiveClasses live;         // with lists; in their own memory without dense scratch
    filtered::ListedTerms terms;  // with both; in the memory of the chunk of `dense`
    filtered::Frequent frequent;  // likewise
    float *dropped;           // (2, splits, R) with a filter, but neither lists nor kernels that measure what is kept
    DenseScratch dense;       // without lists, or where has_dense_scratch
    int64_t bytes;

    static BackwardScratch at(const Problem &p, const BackwardKernels &kernels, void *base);
};

// Whether the workspace of filtered gradients has a place for dense products: with a limit, which may call for them
// whatever else is asked; and if they are fast, unless dC is so much larger that its own memory serves (in_place.h).
bool has_dense_scratch(const Problem &p, const BackwardKernels &kernels);

}  // namespace cce::cuda
