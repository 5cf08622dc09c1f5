// Which rows and columns of a tile a consumer thread has, and how the four threads that share rows talk to each other.
#pragma once

#include "cuda/fast_math.cuh"
#include "cuda/quads.cuh"
#include "cuda/reduce.cuh"
#include "cuda/sm90/wgmma.cuh"

namespace cce::cuda::sm90 {

constexpr int kProducts = kTileRows / kConsumers / kProductRows;  // of 64 rows, of a warpgroup

// What a thread has of each of its rows: row u of product p.
template <typename T>
using OfRows = T[kProducts][2];

// The row of the tile, in consumer warpgroup `group`.
__device__ inline int32_t tile_row(int32_t group, int p, int u) {
    const int32_t thread = threadIdx.x % kWarpgroup;
    return (group * kProducts + p) * kProductRows + thread / kWarp * 16 + u * 8 + thread % kWarp / 4;
}

// Column of a thread's products: p counts pairs of neighbours.
__device__ inline int32_t pair_column(int p) { return 8 * p + 2 * (threadIdx.x % 4); }
constexpr int kPairs = kProductSums / 4;

// Of the four rows that four neighbouring lanes share, the one that is this lane's.
static_assert(kProducts == 2, "as many rows as lanes");
__device__ inline int32_t own_row(int32_t group) { return tile_row(group, threadIdx.x % 4 / 2, threadIdx.x % 2); }

// Reduces over the four lanes; each gets the result of its own row.
template <typename T, typename Operation>
__device__ T reduce_to_own(const OfRows<T> &rows, Operation operation) {
    const bool upper = threadIdx.x % 4 / 2;
    const bool odd = threadIdx.x % 2;
    T kept[2];
#pragma unroll
    for (int u = 0; u < 2; ++u)
        kept[u] = operation(upper ? rows[1][u] : rows[0][u],
                            __shfl_xor_sync(kAllLanes, upper ? rows[0][u] : rows[1][u], 2));
    return operation(odd ? kept[1] : kept[0], __shfl_xor_sync(kAllLanes, odd ? kept[0] : kept[1], 1));
}

// Unlike Maximum, keeps a NaN.
struct FloatMaximum {
    __device__ float operator()(float a, float b) const { return max_or_nan(a, b); }
};

}  // namespace cce::cuda::sm90
