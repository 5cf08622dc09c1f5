#include "dense/mean_logit.h"

#include <algorithm>
#include <numeric>

#include "device/reduce.cuh"

namespace cce::benchmark {
namespace {

constexpr int kThreads = 256;
constexpr int kWarps = kThreads / 32;

// A thread an element of the hidden size.
template <typename T>
__global__ void mean_kernel(const T *embeddings, const float *weights, int64_t tokens, int64_t hidden, float *mean) {
    const int64_t d = blockIdx.x * int64_t{kThreads} + threadIdx.x;
    if (d >= hidden) return;
    double sum = 0;
    for (int64_t i = 0; i < tokens; ++i) sum += weights[i] * static_cast<float>(embeddings[i * hidden + d]);
    mean[d] = static_cast<float>(sum);
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

std::vector<float> mean_logits(const Operands &operands, const std::vector<float> &weights, cudaStream_t stream) {
    const Shape &s = operands.shape;
    const Buffer<float> device_weights(weights);
    const Buffer<float> mean(s.hidden);
    const Buffer<float> logits(s.classes);
    with_type(operands.dtype, [&](auto zero) {
        using T = decltype(zero);
        mean_kernel<<<blocks(s.hidden, kThreads), kThreads, 0, stream>>>(static_cast<const T *>(operands.embeddings),
                                                                         device_weights.data(), s.tokens, s.hidden,
                                                                         mean.data());
        logit_kernel<<<blocks(s.classes, kWarps), kThreads, 0, stream>>>(static_cast<const T *>(operands.classifier),
                                                                         operands.bias, mean.data(), s.classes,
                                                                         s.hidden, logits.data());
    });
    check(cudaGetLastError(), "computing mean logits");
    return logits.read(stream);
}

std::vector<int64_t> order_by_mean_logit(const Operands &operands, cudaStream_t stream) {
    const auto tokens = static_cast<size_t>(operands.shape.tokens);
    const std::vector<float> logits =
        mean_logits(operands, std::vector<float>(tokens, 1.0f / static_cast<float>(tokens)), stream);
    std::vector<int64_t> order(logits.size());
    std::iota(order.begin(), order.end(), 0);
    std::stable_sort(order.begin(), order.end(), [&](int64_t a, int64_t b) {
        return logits[static_cast<size_t>(a)] < logits[static_cast<size_t>(b)];
    });
    return order;
}

}  // namespace cce::benchmark
