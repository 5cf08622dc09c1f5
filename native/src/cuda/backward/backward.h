// The backward pass, the same for every kernel family but for the gradient of the logits and the two products with it.
#pragma once

#include "common/backend.h"
#include "cuda/backward/kernels.h"
#include "cuda/backward/plan.h"

namespace cce::cuda {

// The kernels of backward that are not shared, and how they want the problem cut. Functions that take a stream are
// called with the problem's device current.
struct BackwardKernels {
    int32_t dz_bytes;  // of an element of dz: 4 if it is float32, 2 if it has the 16-bit dtype of E and C
    filtered::ProductTile tile;  // of the two products
    // From the shape and the device alone.
    BackwardPlan (*plan)(const Problem &p);
    // Whether they write these gradients of inputs that the family takes; `grad` NULL: whether they could write some.
    bool (*serves)(const Problem &p, const cce_gradients *grad);
    // The gradient of E . C + b, filtered for dE and for dC; NULL: not wanted. What it writes for classes from
    // block.classes on, up to the pitch, is its own affair and that of the two products.
    int32_t (*dz_block)(const Problem &p, const Logits &logits, const DzInputs &inputs, const Block &block,
                        void *for_embeddings, void *for_classifier, cudaStream_t stream);
    // dE of the rows of `block` from its classes: dz C. A split product goes to `partials` first.
    int32_t (*embeddings_gradient)(const Problem &p, const void *classifier, const void *dz, const Block &block,
                                   const DepthSplits &splits, const BackwardControl *control, float *partials,
                                   const GradientStore &store, cudaStream_t stream);
    // dC of the classes of `block` from its rows: dz^T E. `tokens` begins at the block's first row.
    int32_t (*classifier_gradient)(const Problem &p, const void *embeddings, const int64_t *tokens, const void *dz,
                                   const Block &block, const DepthSplits &splits, const BackwardControl *control,
                                   float *partials, const GradientStore &store, cudaStream_t stream);
    // Adds what the filters keep of positions [first_row, first_row + rows) to `kept`, if control->unmeasured. NULL:
    // there is only plain::dropped_mass.
    int32_t (*kept_mass)(const Problem &p, const Logits &logits, const DzInputs &inputs, int64_t first_row,
                         int64_t rows, KeptMass *kept, cudaStream_t stream);

    // Sets the marks of the live classes (condensed.h) if control->marking. NULL: all products go over all classes.
    int32_t (*mark_classes)(const Problem &p, const filtered::Work &work, uint8_t *marks, cudaStream_t stream);
    // The chunk of whole tiles, of at most `most` classes, that keeps the GPU busiest; NULL with mark_classes.
    int64_t (*best_chunk)(const Problem &p, int64_t most);

    // Whether the products run on tensor cores, which lists that are too short had better leave the work to.
    bool are_fast() const { return dz_bytes == 2; }
};

// As in Backend.
int32_t backward(const Problem &p, const cce_inputs &in, const cce_gradients &grad, const State &state, Workspace w,
                 void *stream);

}  // namespace cce::cuda
