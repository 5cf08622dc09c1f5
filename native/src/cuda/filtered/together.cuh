// Kernels whose thread blocks wait for each other, so all of them must run at once.
#pragma once

#include <cooperative_groups.h>

#include "cuda/check.h"
#include "cuda/device.h"
#include "cuda/filtered/work.cuh"

namespace cce::cuda::filtered {

// Launches one with `blocks` thread blocks a multiprocessor.
inline int32_t launch_together(void (*kernel)(Work), const Problem &p, const Work &work, int32_t blocks,
                               int32_t shared_bytes, cudaStream_t stream) {
    const char *doing = "listing what the filters keep";
    CCE_TRY(check(cudaFuncSetAttribute(kernel, cudaFuncAttributeMaxDynamicSharedMemorySize, shared_bytes), doing));
    Work parameter = work;
    void *parameters[] = {&parameter};
    const auto all = static_cast<unsigned>(traits_of(p.spec.device).multiprocessors * blocks);
    return check(cudaLaunchCooperativeKernel(reinterpret_cast<const void *>(kernel), all, kBlockThreads, parameters,
                                             shared_bytes, stream),
                 doing);
}

}  // namespace cce::cuda::filtered
