// The family "cuda-sm80": mma.sync on the tensor cores, for 16-bit inputs whose rows begin at multiples of 16 bytes, on
// every GPU since Ampere. Backward is that of "cuda-plain".
#pragma once

#include "cuda/dispatch.h"

namespace cce::cuda::sm80 {

constexpr int32_t kSegmentClasses = 256;

Schedule schedule(const Problem &p);
int32_t sweep(const Problem &p, const Schedule &schedule, const SweepInputs &in, const Partials &out,
              cudaStream_t stream);

// Filtered gradients take a lot of shared memory: not all GPUs of the family have it.
bool can_filter(const DeviceTraits &device);
int32_t filtered_gradients(const Problem &p, const filtered::Work &work, cudaStream_t stream);

extern const Family kFamily;

}  // namespace cce::cuda::sm80
