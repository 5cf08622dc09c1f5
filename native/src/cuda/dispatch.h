// Which kernel family serves a problem.
#pragma once

#include <cuda_runtime.h>

#include "common/backend.h"

namespace cce::cuda {

// Kernels that together compute everything. The functions are those of Backend, with the device already current.
struct Family {
    const char *name;
    bool (*serves)(const Problem &p);
    int64_t (*workspace_bytes)(const Problem &p, int32_t passes);
    int32_t (*indexed_dot)(const Problem &p, const cce_inputs &in, float *target_logit, Workspace w,
                           cudaStream_t stream);
    int32_t (*log_sum_exp)(const Problem &p, const cce_inputs &in, float *lse, Workspace w, cudaStream_t stream);
    int32_t (*make_state)(const Problem &p, const cce_inputs &in, const float *lse, const State &state, Workspace w,
                          cudaStream_t stream);
    int32_t (*forward)(const Problem &p, const cce_inputs &in, const cce_outputs &out, const State &state, Workspace w,
                       cudaStream_t stream);
    int32_t (*backward)(const Problem &p, const cce_inputs &in, const cce_gradients &grad, const State &state,
                        Workspace w, cudaStream_t stream);
};

// The family that the environment variable CCE_KERNEL names, if it serves `p`; else the first of the table that does.
const Family &family_of(const Problem &p);

// The name of the family that is tried first.
const char *family_name();

}  // namespace cce::cuda
