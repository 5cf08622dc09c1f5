// What a forward pass reports of each position.
#pragma once

#include <cmath>

#include "common/state.h"
#include "cuda/batch.cuh"

namespace cce::cuda {

// NULL: not wanted.
struct RowResults {
    float *state_lse;           // (R)
    float *lse;                 // (R)
    float *entropy;             // (R)
    int64_t *argmax;            // (R)
    float *loss;                // (R), reduction none
    float *row_loss;            // (R), of counting position i at i
    const float *target_logit;  // (R), for the losses
    const StateHeader *header;  // for the losses
    uint32_t *blocks_done;      // of the last finish_rows; for the reduced loss
    uint8_t *least_live;        // (R), as in State

    // Results of a position that does not count: 0, argmax -1; the loss of a bad target is NaN.
    __device__ void clear(const Batch &batch, int64_t r) const {
        if (state_lse != nullptr) state_lse[r] = 0.0f;
        if (lse != nullptr) lse[r] = 0.0f;
        if (entropy != nullptr) entropy[r] = 0.0f;
        if (argmax != nullptr) argmax[r] = -1;
        if (loss != nullptr) loss[r] = batch.is_bad(batch.target(r)) ? NAN : 0.0f;
    }
};

}  // namespace cce::cuda
