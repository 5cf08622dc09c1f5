// The kernels around the sweep over the logits, each launched by one function; all counts that depend on data are read
// on the device.
#pragma once

#include <cuda_runtime.h>

#include "cuda/forward/logits.cuh"
#include "cuda/forward/partials.cuh"
#include "cuda/forward/preparation.cuh"
#include "cuda/forward/row_results.cuh"
#include "cuda/forward/schedule.cuh"

namespace cce::cuda {

// ---- prepare.cu: which positions count ------------------------------------------------------------

int32_t prepare(const Preparation &preparation, cudaStream_t stream);

// ---- target_logit.cu ------------------------------------------------------------------------------

// target_logit[r] = z[r, y[r]], 0 where ignored, without the other logits.
int32_t target_logits(const Problem &p, const Logits &logits, float *target_logit, cudaStream_t stream);

// Both, in one launch where that is faster.
int32_t prepare_with_target_logits(const Problem &p, const Preparation &preparation, const Logits &logits,
                                   float *target_logit, cudaStream_t stream);

// ---- row_results.cu -------------------------------------------------------------------------------

// Merges the partials of each counting position that the sweep took and writes its results. With `loss`, which goes
// with the last sweep alone, also the reduced loss.
int32_t finish_rows(const Problem &p, const Logits &logits, const Schedule &schedule, const Partials &partials,
                    const RowResults &results, float *loss, cudaStream_t stream);

// state_lse[r] = lse[r], 0 where ignored.
int32_t adopt_lse(const Problem &p, const Batch &batch, const float *lse, float *state_lse, cudaStream_t stream);

}  // namespace cce::cuda
