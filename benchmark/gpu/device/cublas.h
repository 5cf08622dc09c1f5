// cuBLAS, loaded when the benchmark runs: the matrix product that everything is compared with.
#pragma once

#include <cuda_runtime.h>
#include <library_types.h>

#include <cstdint>
#include <string>

#include "device/buffer.h"
#include "device/dtype.h"
#include "shape.h"

namespace cce::benchmark {

// One handle. cuBLAS is found by the loader (LD_LIBRARY_PATH), else in the folders where CUDA toolkits lie.
class Cublas {
public:
    Cublas();
    Cublas(const Cublas &) = delete;
    ~Cublas();

    // logits (rows, classes), row-major with `pitch` >= classes, of `type`, = E (rows, hidden) C^T; float32 sums.
    void logits(Dtype dtype, int64_t rows, int64_t classes, int64_t hidden, const void *embeddings,
                const void *classifier, void *logits, cudaDataType type, int64_t pitch, cudaStream_t stream) const;

    // out (rows, columns) = beta * out + op(A) op(B), a sum over `depth`, in float32 throughout; op(X) is X^T where
    // `transpose`. All row-major.
    struct Factor {
        const float *data;
        int64_t pitch;
        bool transpose;
    };
    void multiply(int64_t rows, int64_t columns, int64_t depth, const Factor &a, const Factor &b, float beta,
                  float *out, int64_t out_pitch, cudaStream_t stream) const;

    std::string version() const;

private:
    void *handle_ = nullptr;
};

// G: all logits in the dtype of E and C, V rounded down to a multiple of 8.
class LogitsProduct {
public:
    LogitsProduct(const Cublas &cublas, const Shape &shape, Dtype dtype, const void *embeddings,
                  const void *classifier)
        : cublas_(cublas), shape_{shape.tokens, shape.classes / 8 * 8, shape.hidden}, dtype_(dtype),
          embeddings_(embeddings), classifier_(classifier), logits_(shape_.tokens * shape_.classes) {}

    void run(const Cublas &cublas, cudaStream_t stream) const {
        cublas.logits(dtype_, shape_.tokens, shape_.classes, shape_.hidden, embeddings_, classifier_, logits_.data(),
                      cuda_dtype(dtype_), shape_.classes, stream);
    }
    void run(cudaStream_t stream) const { run(cublas_, stream); }
    double flops() const { return shape_.flops(); }

private:
    const Cublas &cublas_;
    Shape shape_;
    Dtype dtype_;
    const void *embeddings_;
    const void *classifier_;
    Buffer<uint16_t> logits_;
};

}  // namespace cce::benchmark
