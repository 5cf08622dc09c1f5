// The last steps of a gradient: sums of partial products in their fixed order, and buffers that start from nothing.
#include <algorithm>

#include "cuda/backward/gradient_store.cuh"
#include "cuda/check.h"
#include "cuda/reduce.cuh"

namespace cce::cuda {
namespace {

// Threads go on in strides of the grid: no count is too large for one, and a launch that has nothing to do is short.
constexpr int64_t kMostBlocks = 4096;

int64_t blocks_for(int64_t count) { return std::min(div_up(count, kThreads), kMostBlocks); }

__device__ int64_t grid_thread() { return static_cast<int64_t>(blockIdx.x) * kThreads + threadIdx.x; }
__device__ int64_t grid_threads() { return static_cast<int64_t>(gridDim.x) * kThreads; }

__global__ void __launch_bounds__(kThreads)
gradient_sum_kernel(const float *partials, int64_t splits, int64_t lines, const int64_t *valid, int64_t first_row,
                    Products products, GradientStore to) {
    if (!are_due(products, *to.control)) return;
    const int64_t count = lines * to.width;
    const int64_t existing = valid == nullptr ? lines : Minimum()(*valid - first_row, lines);
    for (int64_t index = grid_thread(); index < existing * to.width; index += grid_threads()) {
        float sum = 0.0f;
        for (int64_t split = 0; split < splits; ++split) sum += partials[split * count + index];
        store_gradient(to, index / to.width, index % to.width, sum);
    }
}

__global__ void __launch_bounds__(kThreads)
gradient_clear_kernel(void *array, int32_t dtype, int64_t count, bool add, const BackwardControl *control) {
    const float initial = control->initial;
    if (add && initial == 0.0f) return;
    for (int64_t index = grid_thread(); index < count; index += grid_threads()) store(array, dtype, index, initial);
}

}  // namespace

int32_t gradient_sum(const float *partials, int64_t splits, int64_t lines, const int64_t *valid, int64_t first_row,
                     Products products, const GradientStore &store, cudaStream_t stream) {
    return launch("summing partial gradients", gradient_sum_kernel, blocks_for(lines * store.width), kThreads, stream,
                  partials, splits, lines, valid, first_row, products, store);
}

int32_t gradient_clear(void *array, int32_t dtype, int64_t count, bool add, const BackwardControl *control,
                       cudaStream_t stream) {
    return launch("clearing a gradient", gradient_clear_kernel, blocks_for(count), kThreads, stream, array, dtype,
                  count, add, control);
}

}  // namespace cce::cuda
