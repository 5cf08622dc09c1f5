// The family "cuda-plain": float32 arithmetic on the CUDA cores. Serves every problem on every GPU; what faster
// families cannot take comes here, and they are tested against it.
#pragma once

#include "cuda/dispatch.h"

namespace cce::cuda::plain {

Schedule schedule(const Problem &p);
int32_t sweep(const Problem &p, const Schedule &schedule, const SweepInputs &in, const Partials &out,
              cudaStream_t stream);

int64_t backward_workspace_bytes(const Problem &p);
int32_t backward(const Problem &p, const cce_inputs &in, const cce_gradients &grad, const State &state, Workspace w,
                 cudaStream_t stream);

extern const Family kFamily;

}  // namespace cce::cuda::plain
