#include "dense/dense_head.h"

#include "device/reduce.cuh"

namespace cce::benchmark {
namespace {

constexpr int kThreads = 256;

struct MaxSum {
    float max;
    double sum;  // of exp(z - max)
};

// Row blockIdx.x of `wide` becomes row order[blockIdx.x], or row blockIdx.x without an order, of `narrow`.
template <typename T>
__global__ void widen_kernel(const T *narrow, const int64_t *order, int64_t hidden, float *wide) {
    const int64_t row = blockIdx.x;
    const T *const source = narrow + (order != nullptr ? order[row] : row) * hidden;
    for (int64_t d = threadIdx.x; d < hidden; d += kThreads) wide[row * hidden + d] = static_cast<float>(source[d]);
}

void widen(Dtype dtype, const void *narrow, const int64_t *order, int64_t rows, int64_t hidden, float *wide,
           cudaStream_t stream) {
    with_type(dtype, [&](auto zero) {
        using T = decltype(zero);
        widen_kernel<<<static_cast<unsigned>(rows), kThreads, 0, stream>>>(static_cast<const T *>(narrow), order,
                                                                           hidden, wide);
    });
    check(cudaGetLastError(), "widening to float32");
}

// A block a row; adds the chunk to what earlier ones left.
__global__ void lse_kernel(DenseChunk chunk, MaxSum *totals) {
    const int64_t row = blockIdx.x;
    float largest = -INFINITY;
    for (int64_t j = threadIdx.x; j < chunk.classes; j += kThreads) largest = fmaxf(largest, chunk.entry(row, j).z);
    largest = reduce_block(largest, Largest{});
    double sum = 0;
    for (int64_t j = threadIdx.x; j < chunk.classes; j += kThreads) sum += expf(chunk.entry(row, j).z - largest);
    sum = reduce_block(sum, Add{});
    if (threadIdx.x != 0) return;
    const MaxSum before = chunk.first > 0 ? totals[row] : MaxSum{largest, 0};
    const float max = fmaxf(before.max, largest);
    totals[row] = {max, before.sum * exp(static_cast<double>(before.max) - max) +
                            sum * exp(static_cast<double>(largest) - max)};
}

__global__ void finish_kernel(const MaxSum *totals, int64_t rows, float *lse) {
    const int64_t row = blockIdx.x * int64_t{kThreads} + threadIdx.x;
    if (row < rows) lse[row] = static_cast<float>(totals[row].max + log(totals[row].sum));
}

// A block a row.
__global__ void dz_kernel(DenseChunk chunk, float *dz) {
    const int64_t row = blockIdx.x;
    const float lse = chunk.lse[row];
    for (int64_t j = threadIdx.x; j < chunk.classes; j += kThreads) {
        const DenseChunk::Entry entry = chunk.entry(row, j);
        dz[row * chunk.pitch + j] = (expf(entry.z - lse) - (entry.target ? 1.0f : 0.0f)) * entry.slope * chunk.scale();
    }
}

}  // namespace

DenseHead::DenseHead(const Cublas &cublas, const Stream &stream, const Operands &operands, const Variant &variant,
                     const std::vector<int64_t> &order)
    : cublas_(cublas), stream_(stream), operands_(operands), variant_(variant), shape_(operands.shape), order_(order),
      embeddings_(shape_.tokens * shape_.hidden), classes_(kChunkClasses * shape_.hidden),
      products_(shape_.tokens * kChunkClasses), dz_(shape_.tokens * kChunkClasses),
      classifier_gradient_(kChunkClasses * shape_.hidden), lse_(shape_.tokens) {
    const auto rows = static_cast<unsigned>(shape_.tokens);
    widen(operands.dtype, operands.embeddings, nullptr, shape_.tokens, shape_.hidden, embeddings_.data(), stream);
    const Buffer<MaxSum> totals(shape_.tokens);
    for_each_chunk([&](const DenseChunk &chunk) {
        lse_kernel<<<rows, kThreads, 0, stream>>>(chunk, totals.data());
        check(cudaGetLastError(), "summing exponentials in float32");
    });
    finish_kernel<<<(rows + kThreads - 1) / kThreads, kThreads, 0, stream>>>(totals.data(), shape_.tokens, lse_.data());
    check(cudaGetLastError(), "computing the lse in float32");
    stream.synchronize();
}

DenseChunk DenseHead::load(int64_t first, int64_t classes) const {
    widen(operands_.dtype, operands_.classifier, order_.data() + first, classes, shape_.hidden, classes_.data(),
          stream_);
    cublas_.multiply(shape_.tokens, classes, shape_.hidden, {embeddings_.data(), shape_.hidden, false},
                     {classes_.data(), shape_.hidden, true}, 0, products_.data(), kChunkClasses, stream_);
    return {first,
            shape_.tokens,
            classes,
            kChunkClasses,
            products_.data(),
            order_.data(),
            operands_.bias,
            operands_.targets,
            lse_.data(),
            static_cast<float>(variant_.softcap),
            static_cast<float>(variant_.temperature)};
}

void DenseHead::write_dz(const DenseChunk &chunk) const {
    dz_kernel<<<static_cast<unsigned>(chunk.rows), kThreads, 0, stream_>>>(chunk, dz_.data());
    check(cudaGetLastError(), "computing the gradient of logits in float32");
}

void DenseHead::add_embeddings(const DenseChunk &chunk, const Buffer<float> &gradient) const {
    cublas_.multiply(shape_.tokens, shape_.hidden, chunk.classes, {dz_.data(), chunk.pitch, false},
                     {classes_.data(), shape_.hidden, false}, 1, gradient.data(), shape_.hidden, stream_);
}

const float *DenseHead::classifier(const DenseChunk &chunk) const {
    cublas_.multiply(chunk.classes, shape_.hidden, shape_.tokens, {dz_.data(), chunk.pitch, true},
                     {embeddings_.data(), shape_.hidden, false}, 0, classifier_gradient_.data(), shape_.hidden,
                     stream_);
    return classifier_gradient_.data();
}

}  // namespace cce::benchmark
