// The mean or sum of the losses: one block, double precision, a fixed order.
#include "cuda/check.h"
#include "cuda/forward/kernels.h"
#include "cuda/reduce.cuh"

namespace cce::cuda {
namespace {

constexpr int kLossThreads = 1024;

__global__ void __launch_bounds__(kLossThreads)
reduce_loss_kernel(const StateHeader *header, const float *row_loss, float *loss) {
    const int64_t valid = header->valid;
    double sum = 0.0;
    for (int64_t i = threadIdx.x; i < valid; i += kLossThreads) sum += row_loss[i];
    sum = reduce_block(sum, Sum());
    if (threadIdx.x != 0) return;
    const double divisor = header->divisor;
    const double reduced = divisor == 0.0 ? 0.0 : sum / divisor;
    *loss = header->bad_row >= 0 ? NAN : static_cast<float>(reduced);
}

}  // namespace

int32_t reduce_loss(const StateHeader *header, const float *row_loss, float *loss, cudaStream_t stream) {
    return launch("summing the losses", reduce_loss_kernel, 1, kLossThreads, stream, header, row_loss, loss);
}

}  // namespace cce::cuda
