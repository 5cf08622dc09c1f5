#include "dense/tail.h"

#include "dense/distribution.h"
#include "dense/mean_logit.h"

namespace cce::benchmark {
namespace {

constexpr int kThreads = 256;
// Filters drop the small entries alone, so that their sum over rows is flatter than the softmax of a mean logit.
constexpr double kTailTemperature = 2;

// A thread a class.
__global__ void class_sums_kernel(DenseChunk chunk, const float *dz, float *sums) {
    const int64_t j = blockIdx.x * int64_t{kThreads} + threadIdx.x;
    if (j >= chunk.classes) return;
    double sum = 0;
    for (int64_t row = 0; row < chunk.rows; ++row) sum += dz[row * chunk.pitch + j];
    sums[chunk.class_at(j)] = static_cast<float>(sum);
}

// A block a row.
__global__ void subtract_kernel(DenseChunk chunk, const Kept *kept, const float *tail, float *dz) {
    const int64_t row = blockIdx.x;
    const float mass = kept[row].dropped_mass * chunk.scale();
    for (int64_t j = threadIdx.x; j < chunk.classes; j += kThreads)
        dz[row * chunk.pitch + j] -= mass * tail[chunk.class_at(j)];
}

}  // namespace

std::vector<float> guess_tail(const Operands &operands, const std::vector<Kept> &kept, cudaStream_t stream) {
    std::vector<float> masses;
    for (const Kept &row : kept) masses.push_back(row.dropped_mass);
    return softmax(mean_logits(operands, normalized(masses), stream), kTailTemperature);
}

void write_class_sums(const DenseHead &dense, const DenseChunk &chunk, float *sums, cudaStream_t stream) {
    const auto blocks = static_cast<unsigned>((chunk.classes + kThreads - 1) / kThreads);
    class_sums_kernel<<<blocks, kThreads, 0, stream>>>(chunk, dense.dz(), sums);
    check(cudaGetLastError(), "summing over rows");
}

void subtract_tail(const DenseHead &dense, const DenseChunk &chunk, const Kept *kept, const float *tail,
                   cudaStream_t stream) {
    subtract_kernel<<<static_cast<unsigned>(chunk.rows), kThreads, 0, stream>>>(chunk, kept, tail, dense.dz());
    check(cudaGetLastError(), "correcting the tail");
}

}  // namespace cce::benchmark
