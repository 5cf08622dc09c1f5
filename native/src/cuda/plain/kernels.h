// The plain kernels of backward, each launched by one function; all counts that depend on data are read on the device.
#pragma once

#include <cuda_runtime.h>

#include "common/state.h"
#include "cuda/plain/logit_tile.cuh"

namespace cce::cuda::plain {

struct VocabularySplits;
struct DepthSplits;

// ---- control.cu: decisions of backward that depend on data -----------------------------------------

struct BackwardControl {
    int64_t valid;             // counting positions; 0 if there is nothing to differentiate
    float initial;             // what every gradient starts from: 0, or NaN if the state is not this problem's
    float filter_embeddings;   // thresholds in force
    float filter_classifier;
};

// Checks the state and fills `control`, with the thresholds of the problem.
int32_t begin_backward(const Problem &p, const State &state, bool has_grad_lse, BackwardControl *control,
                       cudaStream_t stream);

// tokens[i] = row of E of counting position i.
int32_t list_tokens(const Problem &p, const Logits &logits, int64_t *tokens, cudaStream_t stream);

// From the dropped mass (NULL: nothing is filtered) of the gradients that are wanted, switches filters off that
// exceed the limit and writes the report (NULL: not wanted).
int32_t decide_filters(const Problem &p, const float *dropped, int64_t splits, bool embeddings, bool classifier,
                       BackwardControl *control, float *report, cudaStream_t stream);

// ---- dropped_mass.cu ------------------------------------------------------------------------------

// dropped[s * R + i] = softmax mass below the embeddings' threshold of counting position i in split s, then the same
// for the classifier's.
int32_t dropped_mass(const Problem &p, const Logits &logits, const VocabularySplits &splits, const float *lse,
                     const BackwardControl *control, float *dropped, cudaStream_t stream);

// ---- dz.cu ----------------------------------------------------------------------------------------

// Counting positions [first_row, first_row + rows) and classes [first_class, first_class + classes).
struct Block {
    int64_t first_row;
    int64_t rows;
    int64_t first_class;
    int64_t classes;
    int64_t pitch;  // of dz: dz[(i - first_row) * pitch + (j - first_class)]
};

struct DzInputs {
    const float *lse;
    const float *grad_loss;
    const float *grad_lse;
    const StateHeader *header;
    const BackwardControl *control;
};

// The gradient of E . C + b, filtered for dE and for dC; NULL: not wanted.
int32_t dz_block(const Problem &p, const Logits &logits, const DzInputs &inputs, const Block &block,
                 float *for_embeddings, float *for_classifier, cudaStream_t stream);

// ---- gradient_store.cuh, embeddings_gradient.cu, classifier_gradient.cu, gradient_sum.cu ------------

// Rows of `width` elements that a gradient goes to.
struct GradientStore {
    void *array;
    int32_t dtype;
    bool add;             // to what is there
    const int64_t *rows;  // line m goes to row rows[m]; NULL: to row m
    int64_t width;
    const float *initial; // of BackwardControl
};

// dE of the rows of `block` from its classes: dz C. `tokens` begins at the block's first row. A split product goes
// to `partials` first.
int32_t embeddings_gradient(const Problem &p, const void *classifier, const float *dz, const Block &block,
                            const DepthSplits &splits, const BackwardControl *control, float *partials,
                            const GradientStore &store, cudaStream_t stream);

// dC of the classes of `block` from its rows: dz^T E.
int32_t classifier_gradient(const Problem &p, const void *embeddings, const int64_t *tokens, const float *dz,
                            const Block &block, const DepthSplits &splits, const BackwardControl *control,
                            float *partials, const GradientStore &store, cudaStream_t stream);

// store[m] = sum over splits of partials[(split * lines + m) * width ...] for m < lines, and, unless `valid` is NULL,
// m < *valid - first_row.
int32_t gradient_sum(const float *partials, int64_t splits, int64_t lines, const int64_t *valid, int64_t first_row,
                     const GradientStore &store, cudaStream_t stream);

// Every element = control->initial; nothing where it is 0 and `add`.
int32_t gradient_clear(void *array, int32_t dtype, int64_t count, bool add, const BackwardControl *control,
                       cudaStream_t stream);

// ---- bias_gradient.cu -----------------------------------------------------------------------------

constexpr int kColumnSumRows = 256;

// sums[(first_row + m) / kColumnSumRows * pitch + j] = sum of dz[m, j] over kColumnSumRows rows of the block.
int32_t column_sums(const float *dz, const Block &block, const BackwardControl *control, double *sums,
                    cudaStream_t stream);

// store[j] = sum of the column sums of all counting positions, for the classes of `block`.
int32_t bias_gradient(const double *sums, const Block &block, const BackwardControl *control,
                      const GradientStore &store, cudaStream_t stream);

}  // namespace cce::cuda::plain
