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
    float *partials;        // of the sums below, which label smoothing alone needs
    float *classes_sum;     // (D + 1): sum_j w[j] C[j]
    float *rows_sum;        // (D + 1): sum_i smoothing[i] E[i], and the sum of the factors
    int64_t entry_bytes;    // of the memory of the entries, which nobody reads once control->dense is set

    static Scratch at(const Problem &p, Carver *carver);

    // Of all of its memory, and of that of the entries.
    void *begin() const { return lists.counters; }
    void *entries() const { return lists.logits; }
};

// One backward pass.
struct Pass {
    const Problem &p;
    const Logits &logits;
    const State &state;
    const int64_t *tokens;
    const RowGradient *rows;
    BackwardControl *control;
    const Scratch &scratch;
    const ListedTerms &terms;  // if there is memory for them
    const Frequent &frequent;  // likewise
    GradientStore embeddings;  // array NULL: not wanted
    GradientStore classifier;
    GradientStore bias;
    KeptMass *kept;            // NULL: not asked for
    // Whether what the lists are too short for may be left to dense products, by control->dense: before it is listed,
    // and measured, or after that.
    bool may_leave_early;
    bool may_leave;
    cudaStream_t stream;

    // In this order, after row_gradients. With control->dense set, list, list_terms and sum do nothing.
    // Finds what the filters may keep. Sets control->dense if that is too much for the lists, and clears
    // control->unmeasured if not.
    int32_t mark() const;
    // Lists what they keep, and measures it if that is asked for.
    int32_t list() const;
    // Clears `marks`, whole multiples of 16 `bytes`, and marks the live classes by `kernel`, if control->dense is set
    // and that pays. They may lie in the memory of the entries.
    int32_t mark_classes(int32_t (*kernel)(const Problem &, const Work &, uint8_t *, cudaStream_t), uint8_t *marks,
                         int64_t bytes) const;
    // Lists the terms of all sums, if there is memory for them, and prepares the products of the frequent classes.
    int32_t list_terms() const;
    // Sums the gradients, after those products.
    int32_t sum() const;

private:
    Work work() const;
};

}  // namespace cce::cuda::filtered
