// Which rows and columns of a tile a consumer thread has, and how the four threads that share rows talk to each other.
#pragma once

#include "cuda/fast_math.cuh"
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

// Of four neighbouring lanes, each with a part of each of four wholes, this lane gets the whole of its own number, in
// the order of the lanes.
__device__ inline uint4 gather_own(const uint32_t (&parts)[4]) {
    const bool upper = threadIdx.x % 4 / 2;
    const bool odd = threadIdx.x % 2;
    uint32_t kept[2];   // of the two wholes that this lane's half of the four will have
    uint32_t given[2];  // of the same, by the lane 2 off
#pragma unroll
    for (int k = 0; k < 2; ++k) {
        kept[k] = upper ? parts[2 + k] : parts[k];
        given[k] = __shfl_xor_sync(kAllLanes, upper ? parts[k] : parts[2 + k], 2);
    }
    const uint32_t mine = odd ? kept[1] : kept[0];
    const uint32_t two_off = odd ? given[1] : given[0];
    const uint32_t one_off = __shfl_xor_sync(kAllLanes, odd ? kept[0] : kept[1], 1);
    const uint32_t three_off = __shfl_xor_sync(kAllLanes, odd ? given[0] : given[1], 1);
    const uint2 near = odd ? uint2{one_off, mine} : uint2{mine, one_off};
    const uint2 far = odd ? uint2{three_off, two_off} : uint2{two_off, three_off};
    return upper ? uint4{far.x, far.y, near.x, near.y} : uint4{near.x, near.y, far.x, far.y};
}

// Unlike Maximum, keeps a NaN.
struct FloatMaximum {
    __device__ float operator()(float a, float b) const { return max_or_nan(a, b); }
};

}  // namespace cce::cuda::sm90
