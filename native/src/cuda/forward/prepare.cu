// The phases of Preparation: one launch for few positions, else three.
#include "cuda/forward/kernels.h"

namespace cce::cuda {
namespace {

// The span of this warp.
__device__ int64_t span_of_warp() {
    return (static_cast<int64_t>(blockIdx.x) * kThreads + threadIdx.x) / kWarp;
}

__global__ void __launch_bounds__(kThreads)
prepare_kernel(const __grid_constant__ Preparation preparation) {
    preparation.run();
}

__global__ void __launch_bounds__(kThreads)
summarise_kernel(const __grid_constant__ Preparation preparation) {
    const int64_t span = span_of_warp();
    if (span < preparation.span_count()) preparation.summarise(span);
}

__global__ void __launch_bounds__(kThreads)
count_kernel(const __grid_constant__ Preparation preparation) {
    preparation.count();
}

__global__ void __launch_bounds__(kThreads)
list_kernel(const __grid_constant__ Preparation preparation) {
    const int64_t span = span_of_warp();
    if (span < preparation.span_count()) preparation.list(span);
}

}  // namespace

int32_t prepare(const Preparation &preparation, cudaStream_t stream) {
    if (preparation.is_small())
        return launch("listing the positions that count", prepare_kernel, 1, kThreads, stream, preparation);
    const int64_t blocks = div_up(preparation.span_count(), kThreads / kWarp);
    CCE_TRY(launch("summarising the targets", summarise_kernel, blocks, kThreads, stream, preparation));
    CCE_TRY(launch("counting the targets", count_kernel, 1, kThreads, stream, preparation));
    return launch("listing the positions that count", list_kernel, blocks, kThreads, stream, preparation);
}

}  // namespace cce::cuda
