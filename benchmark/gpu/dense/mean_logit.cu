#include <algorithm>
#include <numeric>

#include "dense/filters.h"
#include "device/reduce.cuh"

namespace cce::benchmark {
namespace {

constexpr int kThreads = 256;
constexpr int kWarps = kThreads / 32;

// A thread an element of the hidden size.
template <typename T>
__global__ void mean_kernel(const T *embeddings, int64_t tokens, int64_t hidden, float *mean) {
    const int64_t d = blockIdx.x * int64_t{kThreads} + threadIdx.x;
    if (d >= hidden) return;
    double sum = 0;
    for (int64_t i = 0; i < tokens; ++i) sum += static_cast<float>(embeddings[i * hidden + d]);
    mean[d] = static_cast<float>(sum / static_cast<double>(tokens));
}

// A warp a class.
template <typename T>
__global__ void logit_kernel(const T *classifier, const float *bias, const float *mean, int64_t classes, int64_t hidden,
                             float *logits) {
    const int64_t j = blockIdx.x * int64_t{kWarps} + threadIdx.x / 32;
    if (j >= classes) return;
    float sum = 0;
    const T *const c = classifier + j * hidden;
    for (int64_t d = threadIdx.x % 32; d < hidden; d += 32) sum += static_cast<float>(c[d]) * mean[d];
    sum = reduce_warp(sum, Add{});
    if (threadIdx.x % 32 == 0) logits[j] = sum + (bias != nullptr ? bias[j] : 0.0f);
}

unsigned blocks(int64_t count, int each) { return static_cast<unsigned>((count + each - 1) / each); }

}  // namespace

std::vector<int64_t> order_by_mean_logit(const Operands &operands, cudaStream_t stream) {
    const Shape &s = operands.shape;
    const Buffer<float> mean(s.hidden);
    const Buffer<float> device_logits(s.classes);
    with_type(operands.dtype, [&](auto zero) {
        using T = decltype(zero);
        mean_kernel<<<blocks(s.hidden, kThreads), kThreads, 0, stream>>>(static_cast<const T *>(operands.embeddings),
                                                                         s.tokens, s.hidden, mean.data());
        logit_kernel<<<blocks(s.classes, kWarps), kThreads, 0, stream>>>(static_cast<const T *>(operands.classifier),
                                                                         operands.bias, mean.data(), s.classes,
                                                                         s.hidden, device_logits.data());
    });
    check(cudaGetLastError(), "computing mean logits");
    const std::vector<float> logits = device_logits.read(stream);
    std::vector<int64_t> order(logits.size());
    std::iota(order.begin(), order.end(), 0);
    std::stable_sort(order.begin(), order.end(), [&](int64_t a, int64_t b) {
        return logits[static_cast<size_t>(a)] < logits[static_cast<size_t>(b)];
    });
    return order;
}

}  // namespace cce::benchmark
