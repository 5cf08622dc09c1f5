// The family "cuda-plain": float32 arithmetic on the CUDA cores. Serves every problem on every GPU; what faster
// families cannot take comes here, and they are tested against it.
#pragma once

#include "cuda/dispatch.h"

namespace cce::cuda::plain {

int64_t forward_workspace_bytes(const Problem &p);
int32_t indexed_dot(const Problem &p, const cce_inputs &in, float *target_logit, Workspace w, cudaStream_t stream);
int32_t log_sum_exp(const Problem &p, const cce_inputs &in, float *lse, Workspace w, cudaStream_t stream);
int32_t make_state(const Problem &p, const cce_inputs &in, const float *lse, const State &state, Workspace w,
                   cudaStream_t stream);
int32_t forward(const Problem &p, const cce_inputs &in, const cce_outputs &out, const State &state, Workspace w,
                cudaStream_t stream);

int64_t backward_workspace_bytes(const Problem &p);
int32_t backward(const Problem &p, const cce_inputs &in, const cce_gradients &grad, const State &state, Workspace w,
                 cudaStream_t stream);

extern const Family kFamily;

}  // namespace cce::cuda::plain
