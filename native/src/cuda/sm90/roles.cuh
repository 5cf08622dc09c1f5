// The frame of every kernel here: a thread block of one producer warpgroup and two consumers.
#pragma once

#include "cuda/check.h"
#include "cuda/sm90/barrier.cuh"
#include "cuda/sm90/tile.cuh"

namespace cce::cuda::sm90 {

// One for what the copy engine brings, and one for each producer thread's own copies.
constexpr int kFullArrivals = 1 + kWarpgroup;

// Calls set_up(shared) in one thread, then produce(shared) in all threads of the producer and consume(shared, group) in
// those of the consumers. Layout is what lies in shared memory, Stages and more. The whole thread block must call it.
template <typename Layout = Shared, typename SetUp, typename Produce, typename Consume>
__device__ void in_roles(SetUp set_up, Produce produce, Consume consume) {
    extern __shared__ __align__(1024) uint8_t memory[];
    Layout &shared = *reinterpret_cast<Layout *>(memory);
    if (threadIdx.x == 0) {
        for (int stage = 0; stage < Layout::kStages; ++stage) {
            init_barrier(&shared.full[stage], kFullArrivals);
            init_barrier(&shared.empty[stage], kConsumers);
        }
        publish_barriers();
        set_up(shared);
    }
    __syncthreads();
    // The same in all lanes: the compiler keeps what follows from it in uniform registers.
    const int32_t warpgroup = __shfl_sync(kAllLanes, static_cast<int32_t>(threadIdx.x) / kWarpgroup, 0);
    if (warpgroup == 0) {
        asm volatile("setmaxnreg.dec.sync.aligned.u32 %0;" ::"n"(kProducerRegisters));
        produce(shared);
    } else {
        asm volatile("setmaxnreg.inc.sync.aligned.u32 %0;" ::"n"(kConsumerRegisters));
        consume(shared, warpgroup - 1);
    }
}

// Launches a kernel of that frame.
template <typename Layout = Shared, typename... Parameters, typename... Arguments>
int32_t launch_roles(const char *doing, void (*kernel)(Parameters...), int32_t blocks, cudaStream_t stream,
                     const Arguments &...arguments) {
    CCE_TRY(check(cudaFuncSetAttribute(kernel, cudaFuncAttributeMaxDynamicSharedMemorySize, sizeof(Layout)), doing));
    kernel<<<blocks, kBlockThreads, sizeof(Layout), stream>>>(arguments...);
    return check(cudaGetLastError(), doing);
}

// The first thing that a kernel does whose thread blocks may be there before those of the kernel ahead of it are done:
// waits for all of that kernel, and lets the next one in.
__device__ inline void begin_early() {
    cudaTriggerProgrammaticLaunchCompletion();
    cudaGridDependencySynchronize();
}

// Launches such a kernel. Of many that follow each other with nothing to do, each would else wait for the one before.
template <typename... Parameters, typename... Arguments>
int32_t launch_roles_early(const char *doing, void (*kernel)(Parameters...), int32_t blocks, cudaStream_t stream,
                           const Arguments &...arguments) {
    CCE_TRY(check(cudaFuncSetAttribute(kernel, cudaFuncAttributeMaxDynamicSharedMemorySize, sizeof(Shared)), doing));
    cudaLaunchAttribute early = {};
    early.id = cudaLaunchAttributeProgrammaticStreamSerialization;
    early.val.programmaticStreamSerializationAllowed = 1;
    cudaLaunchConfig_t config = {};
    config.gridDim = static_cast<unsigned>(blocks);
    config.blockDim = kBlockThreads;
    config.dynamicSmemBytes = sizeof(Shared);
    config.stream = stream;
    config.attrs = &early;
    config.numAttrs = 1;
    return check(cudaLaunchKernelEx(&config, kernel, arguments...), doing);
}

}  // namespace cce::cuda::sm90
