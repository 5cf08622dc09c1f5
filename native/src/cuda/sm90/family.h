// The family "cuda-sm90": wgmma and the copy engine of Hopper, for 16-bit inputs whose rows begin at multiples of 16
// bytes.
#pragma once

#include "cuda/dispatch.h"

namespace cce::cuda::sm90 {

Schedule schedule(const Problem &p);
int32_t sweep(const Problem &p, const Schedule &schedule, const SweepInputs &in, const Partials &out,
              cudaStream_t stream);

int32_t filtered_units(const Problem &p, const filtered::Work &work, cudaStream_t stream);

extern const Family kFamily;

}  // namespace cce::cuda::sm90
