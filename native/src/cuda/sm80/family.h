// The family "cuda-sm80": mma.sync on the tensor cores, on every GPU since Ampere, for inputs whose rows begin at
// multiples of 16 bytes: 16-bit ones, and float32 ones where they may be rounded to TF32. Backward is that of
// "cuda-plain", in float32.
#pragma once

#include "cuda/dispatch.h"

namespace cce::cuda::sm80 {

constexpr int32_t kSegmentClasses = 256;

Schedule schedule(const Problem &p);
int32_t sweep(const Problem &p, const Schedule &schedule, const SweepInputs &in, const Partials &out,
              cudaStream_t stream);

// Filtered gradients take a lot of shared memory: not all GPUs of the family have it.
bool can_filter(const DeviceTraits &device);
int32_t filtered_units(const Problem &p, const filtered::Work &work, cudaStream_t stream);
int32_t filtered_windows(const Problem &p, const filtered::Work &work, cudaStream_t stream);

extern const Family kFamily;

}  // namespace cce::cuda::sm80
