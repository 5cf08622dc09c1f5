// What a sweep over the logits leaves of each counting position and run, for finish_rows to merge.
#pragma once

#include <cuda_runtime.h>

#include <cstdint>

namespace cce::cuda {

struct RowExtras {
    float centred;   // sum_j exp(z_j - max) * (z_j - max), for the entropy
    float weighted;  // sum_j w_j * z_j, for label smoothing; 0 without it
    int64_t argmax;  // the lowest j of max
};

// Placed by Schedule. Natural units; -inf and 0 where all logits are -inf. A NaN among the logits must reach the sum or
// the maximum.
struct Partials {
    float2 *lse;        // (max_j z_j, sum_j exp(z_j - max))
    RowExtras *extras;  // NULL: not wanted
};

}  // namespace cce::cuda
