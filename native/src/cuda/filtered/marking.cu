// The first kernel of filtered gradients: which positions are live in which tile of classes, from the codes that
// forward left, N * V / 192 bytes of them; then the numbers of their units.
#include "cuda/filtered/kernels.h"
#include "cuda/filtered/live.cuh"
#include "cuda/filtered/together.cuh"

namespace cce::cuda::filtered {
namespace {

constexpr int kMarkingBlocks = 4;  // a multiprocessor, so that enough codes are on their way

__global__ void __launch_bounds__(kBlockThreads, kMarkingBlocks) mark_kernel(const __grid_constant__ Work work) {
    const Window all = window_of_all(work);
    mark_live(work, all);
    cooperative_groups::this_grid().sync();
    number_units(work, all);
    number_pairs(work, all);
}

}  // namespace

int32_t mark(const Problem &p, const Work &work, cudaStream_t stream) {
    return launch_together(mark_kernel, p, work, kMarkingBlocks, 0, stream);
}

}  // namespace cce::cuda::filtered
