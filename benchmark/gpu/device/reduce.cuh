// Reductions over a thread block, in a fixed order.
#pragma once

#include <cuda_runtime.h>

namespace cce::benchmark {

struct Add {
    template <typename T>
    __device__ T operator()(T a, T b) const {
        return a + b;
    }
};

struct Largest {
    template <typename T>
    __device__ T operator()(T a, T b) const {
        return a < b ? b : a;
    }
};

template <typename T, typename Operation>
__device__ T reduce_warp(T value, Operation operation) {
    for (int distance = 16; distance > 0; distance /= 2)
        value = operation(value, __shfl_xor_sync(0xFFFFFFFFu, value, distance));
    return value;
}

// For blocks of whole warps; all threads must call it, and all get the result.
template <typename T, typename Operation>
__device__ T reduce_block(T value, Operation operation) {
    __shared__ T of_warp[32];
    value = reduce_warp(value, operation);
    __syncthreads();  // of_warp may still be read for an earlier reduction
    if (threadIdx.x % 32 == 0) of_warp[threadIdx.x / 32] = value;
    __syncthreads();
    T result = of_warp[0];
    for (unsigned warp = 1; warp < blockDim.x / 32; ++warp) result = operation(result, of_warp[warp]);
    return result;
}

}  // namespace cce::benchmark
