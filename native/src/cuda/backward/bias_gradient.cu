// db of a chunk of classes: db[j] = sum_i dz[i,j]. First the sums of 256 positions each, by blocks of 8 rows of threads
// over 32 columns, then the sum of those; in double, since many small terms of both signs meet. Reads dz once more.
#include <algorithm>

#include "cuda/backward/gradient_store.cuh"
#include "cuda/check.h"
#include "cuda/reduce.cuh"

namespace cce::cuda {
namespace {

constexpr int kColumns = kWarp;
constexpr int kLanes = kThreads / kColumns;
constexpr int64_t kMostBlocks = 2048;  // a launch that has nothing to do is short

template <typename T>
__global__ void __launch_bounds__(kThreads)
column_sums_kernel(const T *dz, Block block, const BackwardControl *control, double *sums) {
    if (!block.is_due(*control)) return;
    __shared__ double of_lane[kLanes][kColumns];
    const int64_t row_blocks = div_up(block.rows, kColumnSumRows);
    const int64_t lane = threadIdx.x / kColumns;
    const int64_t valid = Minimum()(control->valid - block.first_row, block.rows);
    const int64_t classes = block.existing(*control);
    for (int64_t own = blockIdx.x; own < row_blocks * div_up(classes, kColumns); own += gridDim.x) {
        const int64_t first_row = own % row_blocks * kColumnSumRows;
        const int64_t column = own / row_blocks * kColumns + threadIdx.x % kColumns;
        const int64_t end = Minimum()(first_row + kColumnSumRows, valid);
        double sum = 0.0;
        if (column < classes)
            for (int64_t row = first_row + lane; row < end; row += kLanes)
                sum += to_float(dz[row * block.pitch + column]);
        of_lane[lane][threadIdx.x % kColumns] = sum;
        __syncthreads();
        if (lane == 0 && column < classes) {
            for (int other = 1; other < kLanes; ++other) sum += of_lane[other][threadIdx.x];
            sums[(block.first_row + first_row) / kColumnSumRows * block.pitch + column] = sum;
        }
        __syncthreads();
    }
}

__global__ void __launch_bounds__(kThreads)
bias_gradient_kernel(const double *sums, Block block, const BackwardControl *control, GradientStore store) {
    const int64_t column = static_cast<int64_t>(blockIdx.x) * kThreads + threadIdx.x;
    if (!block.is_due(*control) || column >= block.existing(*control)) return;
    double sum = 0.0;
    for (int64_t group = 0; group < div_up(control->valid, kColumnSumRows); ++group)
        sum += sums[group * block.pitch + column];
    store_gradient(store, column, 0, static_cast<float>(sum * control->inverse_dz_scale));
}

}  // namespace

int32_t column_sums(const void *dz, int32_t dz_dtype, const Block &block, const BackwardControl *control, double *sums,
                    cudaStream_t stream) {
    return with_scalar(dz_dtype, [&](auto scalar) {
        using T = decltype(scalar);
        const int64_t blocks = div_up(block.rows, kColumnSumRows) * div_up(block.classes, kColumns);
        return launch("summing the bias's gradient", column_sums_kernel<T>, std::min(blocks, kMostBlocks), kThreads,
                      stream, static_cast<const T *>(dz), block, control, sums);
    });
}

int32_t bias_gradient(const double *sums, const Block &block, const BackwardControl *control,
                      const GradientStore &store, cudaStream_t stream) {
    return launch("storing the bias's gradient", bias_gradient_kernel, div_up(block.classes, kThreads), kThreads,
                  stream, sums, block, control, store);
}

}  // namespace cce::cuda
