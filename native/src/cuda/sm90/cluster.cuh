// The frame of every kernel here: a cluster of two blocks, one producer warpgroup and two consumers in each.
#pragma once

#include "cuda/check.h"
#include "cuda/device.h"
#include "cuda/sm90/barrier.cuh"
#include "cuda/sm90/tile.cuh"

namespace cce::cuda::sm90 {

// Consumers arrive at `empty` of both blocks, since what one fetches for both must be read in both.
constexpr int kEmptyArrivals = kConsumers * kClusterBlocks;
// One for what the copy engine brings, and one for each producer thread's own copies.
constexpr int kFullArrivals = 1 + kWarpgroup;
constexpr uint16_t kAllBlocks = (1 << kClusterBlocks) - 1;

// Calls set_up(shared, block) in one thread, then produce(shared, block) in all threads of the producer and
// consume(shared, block, group) in those of the consumers. The whole cluster must call it.
template <typename SetUp, typename Produce, typename Consume>
__device__ void in_cluster(SetUp set_up, Produce produce, Consume consume) {
    extern __shared__ __align__(1024) uint8_t memory[];
    Shared &shared = *reinterpret_cast<Shared *>(memory);
    const uint32_t block = block_in_cluster();
    if (threadIdx.x == 0) {
        for (int stage = 0; stage < kStages; ++stage) {
            init_barrier(&shared.full[stage], kFullArrivals);
            init_barrier(&shared.empty[stage], kEmptyArrivals);
        }
        publish_barriers();
        set_up(shared, block);
    }
    __syncthreads();
    sync_cluster();
    // The same in all lanes: the compiler keeps what follows from it in uniform registers.
    const int32_t warpgroup = __shfl_sync(kAllLanes, static_cast<int32_t>(threadIdx.x) / kWarpgroup, 0);
    if (warpgroup == 0) {
        asm volatile("setmaxnreg.dec.sync.aligned.u32 %0;" ::"n"(kProducerRegisters));
        produce(shared, block);
    } else {
        asm volatile("setmaxnreg.inc.sync.aligned.u32 %0;" ::"n"(kConsumerRegisters));
        consume(shared, block, warpgroup - 1);
    }
    sync_cluster();  // the other block may still arrive at barriers of this one
}

// Launches a kernel of that frame.
template <typename... Parameters, typename... Arguments>
int32_t launch_clusters(const char *doing, void (*kernel)(Parameters...), int32_t clusters, cudaStream_t stream,
                        const Arguments &...arguments) {
    CCE_TRY(check(cudaFuncSetAttribute(kernel, cudaFuncAttributeMaxDynamicSharedMemorySize, sizeof(Shared)), doing));
    kernel<<<clusters * kClusterBlocks, kBlockThreads, sizeof(Shared), stream>>>(arguments...);
    return check(cudaGetLastError(), doing);
}

// As many as run at a time.
inline int32_t clusters_of(int32_t device) {
    const int32_t clusters = traits_of(device).multiprocessors / kClusterBlocks;
    return clusters > 0 ? clusters : 1;
}

}  // namespace cce::cuda::sm90
