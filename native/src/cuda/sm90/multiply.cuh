// The main loop of a consumer warpgroup.
#pragma once

#include "cuda/sm90/copy.cuh"
#include "cuda/sm90/warpgroup_rows.cuh"

namespace cce::cuda::sm90 {

// Tells the producer that this warpgroup has read a stage.
template <int kCount>
__device__ void release(Stages<kCount> &shared, uint32_t stage) {
    if (threadIdx.x % kWarpgroup == 0) arrive(&shared.empty[stage], 1);
}

// x = the product of this warpgroup's 128 rows of the first operand and the 192 of the second, over `steps`
// stages. `gathered`: threads, not the copy engine, wrote to them.
template <typename T, Lies kA, Lies kB, int kCount>
__device__ void multiply(float (&x)[kProducts][kProductSums], Stages<kCount> &shared, RingOf<kCount> &ring,
                         int32_t group, int32_t steps, bool gathered) {
    for (int32_t step = 0; step < steps; ++step, ring.advance()) {
        wait(&shared.full[ring.stage], ring.parity);
        if (gathered) fence_for_wgmma();
        const uint64_t a = operand<kA>(shared.rows[ring.stage] + group * kProducts * kBlockBytes);
        const uint64_t b = operand<kB>(shared.classes[ring.stage]);
        begin_products();
#pragma unroll
        for (int depth = 0; depth < kStep / kProductDepth; ++depth)
#pragma unroll
            for (int p = 0; p < kProducts; ++p)
                product<kA, kB>(T(), x[p], advance<kA>(a + p * (kBlockBytes >> 4), depth), advance<kB>(b, depth),
                                step | depth);
        commit_products();
        if (step > 0) {
            wait_for_products<1>();
            release(shared, ring.previous());
        }
    }
    wait_for_products<0>();
    release(shared, ring.previous());
}

}  // namespace cce::cuda::sm90
