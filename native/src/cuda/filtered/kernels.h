// The kernels of filtered gradients that are the same for every family.
#pragma once

#include "cuda/filtered/work.cuh"

namespace cce::cuda::filtered {

// ---- passes.cu ---------------------------------------------------------------------------------------

// The gradients from lists that hold everything; else nothing. So do the next seven.
int32_t launch_passes(const Problem &p, const Work &work, cudaStream_t stream);

// ---- class_counts.cu, frequent.cu, class_terms.cu, row_terms.cu: where terms are listed, in this order ----

// terms.class_begin[j] = how many entries class j has; terms.of_tile.
int32_t count_classes(const Work &work, cudaStream_t stream);
// Turns the counts into places, and chooses the frequent classes: control->frequent_classes.
int32_t number_classes(const Problem &p, const Work &work, BackwardControl *control, cudaStream_t stream);
// Clears the dz of the frequent classes and gathers their rows of C.
int32_t prepare_frequent(const Problem &p, const Work &work, cudaStream_t stream);
// The terms of classes, and the dz of frequent ones.
int32_t list_class_terms(const Problem &p, const Work &work, cudaStream_t stream);
// dC of the frequent classes where the product has left it in parts.
int32_t sum_frequent_partials(const Problem &p, const Work &work, cudaStream_t stream);
// db of the frequent classes.
int32_t sum_frequent_biases(const Problem &p, const Work &work, cudaStream_t stream);
// The terms of positions, without those of frequent classes.
int32_t list_row_terms(const Problem &p, const Work &work, cudaStream_t stream);

// ---- positions.cu ----------------------------------------------------------------------------------

// What marking needs of each counting position, and of those that fill the last block.
int32_t prepare_positions(const Problem &p, const Work &work, const uint8_t *state_least_live, uint8_t *least_live,
                          int32_t *target_tile, cudaStream_t stream);

// ---- marking.cu ------------------------------------------------------------------------------------

// Which positions are live in which tile, and the numbers of their units.
int32_t mark(const Problem &p, const Work &work, cudaStream_t stream);

// ---- candidates.cu ---------------------------------------------------------------------------------

// Lists what the filters keep if forward has left all candidates; else nothing, and the units of a family do it.
int32_t list_candidates(const Problem &p, const Work &work, cudaStream_t stream);

// ---- leave.cu --------------------------------------------------------------------------------------

// Sets control->dense if the lists do not hold everything that was marked or listed so far; else clears
// control->unmeasured, since whoever lists can measure.
int32_t leave_lists(const Work &work, BackwardControl *control, cudaStream_t stream);

// Where dense products do the work, clears `marks` and, with a filter for all gradients that are wanted, sets
// control->marking if few enough logits are live that finding the live classes among them pays.
int32_t try_condensing(const Work &work, uint8_t *marks, int64_t bytes, BackwardControl *control, cudaStream_t stream);

// ---- smoothing.cu ----------------------------------------------------------------------------------

// Floats of the partial sums of one of the two sums below.
int64_t smoothing_partials(const Problem &p);
// sum[d] = sum_j w[j] C[j,d], and sum_i smoothing[i] E[i,d]; behind them the sums of the factors.
int32_t sum_classifier(const Problem &p, const Work &work, float *partials, float *sum, cudaStream_t stream);
int32_t sum_embeddings(const Problem &p, const Work &work, float *partials, float *sum, cudaStream_t stream);

}  // namespace cce::cuda::filtered
