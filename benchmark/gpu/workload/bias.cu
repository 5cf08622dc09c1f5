#include "workload/kernels.h"

namespace cce::benchmark {
namespace {

constexpr int kThreads = 512;

__global__ void bias_kernel(const float *bias, int64_t classes, int64_t pitch, float *logits) {
    float *const row = logits + blockIdx.x * pitch;
    for (int64_t j = threadIdx.x; j < classes; j += kThreads) row[j] += bias[j];
}

}  // namespace

void add_bias(const float *bias, int64_t rows, int64_t classes, int64_t pitch, float *logits, cudaStream_t stream) {
    bias_kernel<<<static_cast<unsigned>(rows), kThreads, 0, stream>>>(bias, classes, pitch, logits);
    check(cudaGetLastError(), "adding the bias");
}

}  // namespace cce::benchmark
