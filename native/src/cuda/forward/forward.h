// The forward pass, the same for every kernel family but for its sweep over the logits. The functions are those of
// Backend.
#pragma once

#include "common/backend.h"

namespace cce::cuda {

int64_t forward_workspace_bytes(const Problem &p);
int32_t indexed_dot(const Problem &p, const cce_inputs &in, float *target_logit, Workspace w, void *stream);
int32_t log_sum_exp(const Problem &p, const cce_inputs &in, float *lse, Workspace w, void *stream);
int32_t make_state(const Problem &p, const cce_inputs &in, const float *lse, const State &state, Workspace w,
                   void *stream);
int32_t forward(const Problem &p, const cce_inputs &in, const cce_outputs &out, const State &state, Workspace w,
                void *stream);

}  // namespace cce::cuda
