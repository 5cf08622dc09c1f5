// Gradients of a mean loss in plain float32, beside which those of libcce are judged: products of float32 copies of E
// and C by cuBLAS, a chunk of classes at a time, in an order that the caller gives.
#pragma once

#include <algorithm>
#include <vector>

#include "device/cublas.h"
#include "device/stream.h"
#include "head/head.h"

namespace cce::benchmark {

// What kernels see of a chunk of classes.
struct DenseChunk {
    int64_t first;           // place of its first class in the order
    int64_t rows;            // tokens
    int64_t classes;
    int64_t pitch;
    const float *products;   // (rows, pitch): E C^T
    const int64_t *classes_in_order;
    const float *bias;       // (V), or NULL
    const int64_t *targets;  // (rows)
    const float *lse;        // (rows)
    float softcap;
    float temperature;

#ifdef __CUDACC__
    struct Entry {
        float z;
        float slope;  // of z by the product
        bool target;
    };
    __device__ int64_t class_at(int64_t column) const { return classes_in_order[first + column]; }
    __device__ Entry entry(int64_t row, int64_t column) const {
        const int64_t j = class_at(column);
        const float logit = products[row * pitch + column] + (bias != nullptr ? bias[j] : 0.0f);
        const float squashed = softcap > 0.0f ? tanhf(logit / softcap) : 0.0f;
        return {(softcap > 0.0f ? softcap * squashed : logit) / temperature,
                (1.0f - squashed * squashed) / temperature, targets[row] == j};
    }
    // Of the loss, a mean over rows.
    __device__ float scale() const { return 1.0f / static_cast<float>(rows); }
#endif
};

class DenseHead {
public:
    static constexpr int64_t kChunkClasses = 8192;

    // `order` is a permutation of the classes. All targets must be classes. Softcap and temperature are those of
    // `variant`; it must not ask for label smoothing. Computes the lse.
    DenseHead(const Cublas &cublas, const Stream &stream, const Operands &operands, const Variant &variant,
              const std::vector<int64_t> &order);

    // f(chunk) for all chunks, in order.
    template <typename F>
    void for_each_chunk(F f) const {
        for (int64_t first = 0; first < shape_.classes; first += kChunkClasses)
            f(load(first, std::min(kChunkClasses, shape_.classes - first)));
    }

    // The gradient of the logits (rows, pitch), which the functions below multiply; anyone may write a part of it.
    float *dz() const { return dz_.data(); }
    // dz = (p - onehot(target)) * slope / rows, all of it.
    void write_dz(const DenseChunk &chunk) const;
    // gradient (N, D) += dz C
    void add_embeddings(const DenseChunk &chunk, const Buffer<float> &gradient) const;
    // (chunk.classes, D) = dz^T E, valid until the next call.
    const float *classifier(const DenseChunk &chunk) const;

    const int64_t *order() const { return order_.data(); }

private:
    DenseChunk load(int64_t first, int64_t classes) const;

    const Cublas &cublas_;
    const Stream &stream_;
    Operands operands_;
    Variant variant_;
    Shape shape_;
    Buffer<int64_t> order_;
    Buffer<float> embeddings_;           // (N, D)
    Buffer<float> classes_;              // (chunk, D): rows of C
    Buffer<float> products_;             // (N, chunk)
    Buffer<float> dz_;                   // (N, chunk)
    Buffer<float> classifier_gradient_;  // (chunk, D)
    Buffer<float> lse_;                  // (N)
};

}  // namespace cce::benchmark
