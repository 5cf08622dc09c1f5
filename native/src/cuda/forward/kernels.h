// The kernels around the sweep over the logits, each launched by one function; all counts that depend on data are read
// on the device.
#pragma once

#include <cuda_runtime.h>

#include "common/state.h"
#include "cuda/forward/logits.cuh"
#include "cuda/forward/partials.cuh"
#include "cuda/forward/schedule.cuh"

namespace cce::cuda {

// ---- prepare.cu: which positions count ------------------------------------------------------------

constexpr int kPrepareRows = 1024;  // positions of one block

struct BlockSummary {
    int64_t valid;      // positions that count; then the number of those before this block
    int64_t first_bad;  // lowest r with a target out of range, or INT64_MAX
    double weight;      // sum of t[i] * w[y[i]]
};

// Fills `header` and `valid_rows`. `has_segments`: the sweep will fill the segment codes.
int32_t prepare(const Problem &p, const Batch &batch, bool has_segments, StateHeader *header, int64_t *valid_rows,
                BlockSummary *blocks, cudaStream_t stream);

// ---- target_logit.cu ------------------------------------------------------------------------------

// target_logit[r] = z[r, y[r]], 0 where ignored, without the other logits.
int32_t target_logits(const Problem &p, const Logits &logits, float *target_logit, cudaStream_t stream);

// ---- row_results.cu -------------------------------------------------------------------------------

// What is known of a position once its logits have been summed. NULL: not wanted.
struct RowResults {
    float *state_lse;           // (R)
    float *lse;                 // (R)
    float *entropy;             // (R)
    int64_t *argmax;            // (R)
    float *loss;                // (R), reduction none
    float *row_loss;            // (R), of counting position i at i
    const float *target_logit;  // (R), for the losses
    const StateHeader *header;  // for the losses
};

// Results of positions that do not count: 0, argmax -1; the loss of a bad target is NaN.
int32_t clear_ignored(const Problem &p, const Batch &batch, const RowResults &results, cudaStream_t stream);

// Merges the partials of each counting position that the sweep took and writes its results.
int32_t finish_rows(const Problem &p, const Logits &logits, const Schedule &schedule, const Partials &partials,
                    const RowResults &results, cudaStream_t stream);

// state_lse[r] = lse[r], 0 where ignored.
int32_t adopt_lse(const Problem &p, const Batch &batch, const float *lse, float *state_lse, cudaStream_t stream);

// ---- loss.cu --------------------------------------------------------------------------------------

// *loss = sum of row_loss over counting positions / divisor; NaN after a bad target.
int32_t reduce_loss(const StateHeader *header, const float *row_loss, float *loss, cudaStream_t stream);

}  // namespace cce::cuda
