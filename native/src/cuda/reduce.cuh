// Reductions in a fixed order.
#pragma once

#include <cuda_runtime.h>

namespace cce::cuda {

constexpr int kWarp = 32;
constexpr unsigned kAllLanes = 0xFFFFFFFFu;

struct Sum {
    template <typename T>
    __device__ T operator()(T a, T b) const {
        return a + b;
    }
};

struct Minimum {
    template <typename T>
    __device__ T operator()(T a, T b) const {
        return b < a ? b : a;
    }
};

struct Maximum {
    template <typename T>
    __device__ T operator()(T a, T b) const {
        return b > a ? b : a;
    }
};

// Reduces over groups of kLanes neighbouring lanes; every lane gets its group's result. The whole warp must call it.
template <int kLanes = kWarp, typename T, typename Operation>
__device__ T reduce_lanes(T value, Operation operation) {
#pragma unroll
    for (int distance = kLanes / 2; distance > 0; distance /= 2)
        value = operation(value, __shfl_xor_sync(kAllLanes, value, distance));
    return value;
}

// The sum over the lanes before this one; `total` gets that of all. The whole warp must call it.
__device__ inline uint32_t scan_lanes(uint32_t value, uint32_t *total) {
    uint32_t through = value;
#pragma unroll
    for (int distance = 1; distance < kWarp; distance *= 2) {
        const uint32_t before = __shfl_up_sync(kAllLanes, through, distance);
        if (static_cast<int>(threadIdx.x) % kWarp >= distance) through += before;
    }
    *total = __shfl_sync(kAllLanes, through, kWarp - 1);
    return through - value;
}

// Reduces over a block of whole warps; every thread gets the result. The whole block must call it.
template <typename T, typename Operation>
__device__ T reduce_block(T value, Operation operation) {
    __shared__ T of_warp[32];
    value = reduce_lanes(value, operation);
    __syncthreads();  // of_warp may still be read for an earlier reduction
    if (threadIdx.x % kWarp == 0) of_warp[threadIdx.x / kWarp] = value;
    __syncthreads();
    T result = of_warp[0];
    for (unsigned warp = 1; warp < blockDim.x / kWarp; ++warp) result = operation(result, of_warp[warp]);
    return result;
}

}  // namespace cce::cuda
