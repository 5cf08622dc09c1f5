// What four neighbouring lanes, which have the same rows of a tensor core's sums, do together.
#pragma once

#include "cuda/reduce.cuh"

namespace cce::cuda {

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

}  // namespace cce::cuda
