// CUDA's statuses as ours, and kernel launches that are checked.
#pragma once

#include <cuda_runtime.h>

#include <climits>

#include "common/status.h"

namespace cce::cuda {

// CCE_OK, or the failure in CUDA's words. `doing` completes "CUDA failed while ...". An error that CUDA lets go of is
// cleared, so that it does not show up again in a later call.
int32_t check(cudaError_t error, const char *doing);

// Threads of a block in kernels with one thread an element.
constexpr int kThreads = 256;

// Launches on a one-dimensional grid, the only dimension that goes to 2^31 - 1, with dynamic shared memory. Nothing to
// do is not an error.
template <typename... Parameters, typename... Arguments>
int32_t launch_shared(const char *doing, void (*kernel)(Parameters...), int64_t blocks, int threads,
                      int32_t shared_bytes, cudaStream_t stream, const Arguments &...arguments) {
    constexpr int32_t kWithoutAsking = 48 << 10;
    if (blocks == 0) return CCE_OK;
    if (blocks > INT_MAX)
        return fail(CCE_ERROR_INVALID_ARGUMENT, "this shape is too large: %s would take %lld thread blocks", doing,
                    static_cast<long long>(blocks));
    if (shared_bytes > kWithoutAsking)
        CCE_TRY(check(cudaFuncSetAttribute(kernel, cudaFuncAttributeMaxDynamicSharedMemorySize, shared_bytes), doing));
    kernel<<<static_cast<unsigned>(blocks), threads, shared_bytes, stream>>>(arguments...);
    return check(cudaGetLastError(), doing);
}

template <typename... Parameters, typename... Arguments>
int32_t launch(const char *doing, void (*kernel)(Parameters...), int64_t blocks, int threads, cudaStream_t stream,
               const Arguments &...arguments) {
    return launch_shared(doing, kernel, blocks, threads, 0, stream, arguments...);
}

}  // namespace cce::cuda
