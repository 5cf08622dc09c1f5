// A hash of device memory, to compare buffers without copying them.
#pragma once

#include <cuda_runtime.h>

#include <cstdint>

namespace cce::benchmark {

// Of `bytes` bytes, a multiple of 2. In the order of `stream`; waits for it. 0 for no bytes.
uint64_t hash(const void *data, int64_t bytes, cudaStream_t stream);

}  // namespace cce::benchmark
