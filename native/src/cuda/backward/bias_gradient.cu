// db of a chunk of classes: db[j] = sum_i dz[i,j], in double, since many small terms of both signs meet. Reads dz once
// more: a thread has two neighbouring columns of every 32nd row. The columns of 16 threads are a whole sector of the L2
// cache, and few enough that there are thread blocks for every multiprocessor.
#include "cuda/backward/gradient_store.cuh"
#include "cuda/backward/plan.h"
#include "cuda/check.h"
#include "cuda/reduce.cuh"

namespace cce::cuda {
namespace {

constexpr int kColumns = 32;
constexpr int kPairs = kColumns / 2;
constexpr int kLanes = 32;  // of rows
constexpr int kBlockThreads = kPairs * kLanes;

template <typename T>
__global__ void __launch_bounds__(kBlockThreads)
bias_gradient_kernel(const T *dz, Block block, const BackwardControl *control, double *sums, bool last,
                     GradientStore store) {
    if (!block.is_due(*control)) return;
    __shared__ double of_lane[kLanes][kColumns];
    const int64_t first_column = int64_t{blockIdx.x} * kColumns;
    const auto pair = static_cast<int32_t>(threadIdx.x) % kPairs;
    const auto lane = static_cast<int32_t>(threadIdx.x) / kPairs;
    const int64_t rows = Minimum()(control->valid - block.first_row, block.rows);
    // Nobody may have written the columns from there on.
    const int64_t columns = block.existing(*control) - (first_column + 2 * pair);
    double sum[2] = {};
    if (columns >= 2) {
#pragma unroll 8
        for (int64_t row = lane; row < rows; row += kLanes) {
            const float2 both = load_pair(dz + row * block.pitch + first_column + 2 * pair);
            sum[0] += both.x;
            sum[1] += both.y;
        }
    } else if (columns == 1) {
        for (int64_t row = lane; row < rows; row += kLanes)
            sum[0] += to_float(dz[row * block.pitch + first_column + 2 * pair]);
    }
    of_lane[lane][2 * pair] = sum[0];
    of_lane[lane][2 * pair + 1] = sum[1];
    __syncthreads();
    const int64_t column = first_column + threadIdx.x;
    if (threadIdx.x >= kColumns || column >= block.existing(*control)) return;
    double whole = block.first_row > 0 ? sums[column] : 0.0;
    for (int other = 0; other < kLanes; ++other) whole += of_lane[other][threadIdx.x];
    if (last)
        store_gradient(store, column, 0, static_cast<float>(whole * control->inverse_dz_scale));
    else
        sums[column] = whole;
}

}  // namespace

int32_t bias_gradient(const void *dz, int32_t dz_dtype, const Block &block, const BackwardControl *control,
                      double *sums, bool last, const GradientStore &store, cudaStream_t stream) {
    static_assert(BackwardPlan::kChunkStep % kColumns == 0, "dz has whole blocks of columns");
    return with_scalar(dz_dtype, [&](auto scalar) {
        using T = decltype(scalar);
        return launch("computing the bias's gradient", bias_gradient_kernel<T>, div_up(block.classes, kColumns),
                      kBlockThreads, stream, static_cast<const T *>(dz), block, control, sums, last, store);
    });
}

}  // namespace cce::cuda
