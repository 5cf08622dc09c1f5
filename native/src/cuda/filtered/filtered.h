// Filtered gradients whose cost follows what the filters keep, for 16-bit inputs of any shape and alignment on the
// tensor cores since Ampere.
#pragma once

#include "cuda/backward/kernels.h"
#include "cuda/carver.h"
#include "cuda/filtered/work.cuh"

namespace cce::cuda::filtered {

// Whether backward of `p` goes this way: from the problem and its device alone.
bool applies(const Problem &p);

struct Scratch {
    Lists lists;
    uint8_t *least_live;    // (R), padded to whole blocks: the smallest code that is live
    int32_t *target_tile;   // the same
    float *dropped;         // (2, R)
    float *partials;        // of the sums below, which label smoothing alone needs
    float *classes_sum;     // (D + 1): sum_j w[j] C[j]
    float *rows_sum;        // (D + 1): sum_i smoothing[i] E[i], and the sum of the factors

    static Scratch at(const Problem &p, Carver *carver);
};

// One backward pass.
struct Pass {
    const Problem &p;
    const Logits &logits;
    const State &state;
    const int64_t *tokens;
    const RowGradient *rows;
    const BackwardControl *control;
    const Scratch &scratch;
    GradientStore embeddings;  // array NULL: not wanted
    GradientStore classifier;
    GradientStore bias;
    cudaStream_t stream;

    // Lists what the filters keep; after row_gradients.
    int32_t prepare() const;
    // What the filters drop, into Scratch::dropped, and no gradients.
    int32_t measure() const;
    // Does nothing if control->dense is set by then. `with_dropped`: what the filters drop, too.
    int32_t gradients(bool with_dropped) const;

private:
    int32_t run(const Work &work) const;
};

}  // namespace cce::cuda::filtered
