#include "head/reference.h"

#include <cmath>

#include "device/reduce.cuh"

namespace cce::benchmark {
namespace {

constexpr int kThreads = 256;
constexpr int kWarps = kThreads / 32;
constexpr int kSplits = 128;  // of the vocabulary

struct MaxSum {
    double max;
    double sum;  // of exp(z - max)

    __host__ __device__ void add(const MaxSum &other) {
        if (other.sum == 0) return;
        const double larger = fmax(max, other.max);
        sum = (sum == 0 ? 0 : sum * exp(max - larger)) + other.sum * exp(other.max - larger);
        max = larger;
    }
};

struct Squashing {
    double softcap;
    double temperature;

    __device__ double operator()(double logit) const {
        return (softcap > 0 ? softcap * tanh(logit / softcap) : logit) / temperature;
    }
};

// Block (split, i) sums over its part of the vocabulary for rows[i], a warp a class.
template <typename T>
__global__ void partials_kernel(Shape shape, const T *embeddings, const T *classifier, const float *bias,
                                const int64_t *targets, Squashing squash, const int64_t *rows, MaxSum *partials,
                                double *target_logits) {
    __shared__ MaxSum of_warp[kWarps];
    const int64_t row = rows[blockIdx.y];
    const T *e = embeddings + row * shape.hidden;
    const int lane = static_cast<int>(threadIdx.x % 32);
    const int warp = static_cast<int>(threadIdx.x / 32);
    MaxSum total = {-INFINITY, 0};
    for (int64_t j = blockIdx.x * kWarps + warp; j < shape.classes; j += kSplits * kWarps) {
        const T *c = classifier + j * shape.hidden;
        double dot = 0;  // products of 16-bit floats are exact in float
        for (int64_t d = lane; d < shape.hidden; d += 32) dot += static_cast<float>(e[d]) * static_cast<float>(c[d]);
        dot = reduce_warp(dot, Add{});
        const double z = squash(dot + (bias != nullptr ? static_cast<double>(bias[j]) : 0.0));
        total.add({z, 1});
        if (lane == 0 && targets[row] == j) target_logits[blockIdx.y] = z;
    }
    if (lane == 0) of_warp[warp] = total;
    __syncthreads();
    if (threadIdx.x != 0) return;
    for (int i = 1; i < kWarps; ++i) total.add(of_warp[i]);
    partials[blockIdx.y * kSplits + blockIdx.x] = total;
}

}  // namespace

std::vector<ReferenceRow> reference_rows(const Operands &operands, const Variant &variant,
                                         const std::vector<int64_t> &rows, cudaStream_t stream) {
    const size_t count = rows.size();
    const Buffer<int64_t> device_rows(rows);
    const Buffer<MaxSum> partials(static_cast<int64_t>(count) * kSplits);
    const Buffer<double> target_logits(static_cast<int64_t>(count));
    target_logits.poison(stream);
    with_type(operands.dtype, [&](auto zero) {
        using T = decltype(zero);
        partials_kernel<<<dim3(kSplits, static_cast<unsigned>(count)), kThreads, 0, stream>>>(
            operands.shape, static_cast<const T *>(operands.embeddings), static_cast<const T *>(operands.classifier),
            operands.bias, operands.targets, Squashing{variant.softcap, variant.temperature}, device_rows.data(),
            partials.data(), target_logits.data());
    });
    check(cudaGetLastError(), "computing the float64 reference");

    const std::vector<MaxSum> parts = partials.read(stream);
    const std::vector<double> logits = target_logits.read(stream);
    std::vector<ReferenceRow> result;
    for (size_t i = 0; i < count; ++i) {
        MaxSum total = {-INFINITY, 0};
        for (size_t split = 0; split < kSplits; ++split) total.add(parts[i * kSplits + split]);
        result.push_back({total.max + std::log(total.sum), logits[i]});
    }
    return result;
}

}  // namespace cce::benchmark
