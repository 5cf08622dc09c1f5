// Random vectors: the shared direction, the rows of C, and the rows of a dense E.
#include "device/reduce.cuh"
#include "workload/kernels.h"
#include "workload/philox.cuh"

namespace cce::benchmark {
namespace {

constexpr int kThreads = 128;

// f(d, normal) for the thread's share of a row of normals.
template <typename F>
__device__ void for_each_normal(uint64_t seed, uint32_t purpose, uint32_t row, int64_t hidden, F f) {
    for (int64_t group = threadIdx.x; 4 * group < hidden; group += blockDim.x) {
        float normal[4];
        normals(philox(seed, purpose, row, static_cast<uint64_t>(group)), normal);
#pragma unroll
        for (int i = 0; i < 4; ++i)
            if (4 * group + i < hidden) f(4 * group + i, normal[i]);
    }
}

__global__ void direction_kernel(int64_t hidden, uint64_t seed, float *direction) {
    float squares = 0;
    for_each_normal(seed, kDirectionDraw, 0, hidden, [&](int64_t, float x) { squares += x * x; });
    const float scale = rsqrtf(reduce_block(squares, Add{}));
    for_each_normal(seed, kDirectionDraw, 0, hidden, [&](int64_t d, float x) { direction[d] = x * scale; });
}

template <typename T>
__global__ void rows_kernel(uint32_t purpose, int64_t hidden, float scale, const float *direction,
                            const float *log_unigram, uint64_t seed, T *out) {
    const int64_t row = blockIdx.x;
    float along = 0;  // what the row gets of the direction in place of what it has
    if (direction != nullptr) {
        float product = 0;
        for_each_normal(seed, purpose, blockIdx.x, hidden,
                        [&](int64_t d, float x) { product += x * scale * direction[d]; });
        along = kShareInClassifier * log_unigram[row] - reduce_block(product, Add{});
    }
    for_each_normal(seed, purpose, blockIdx.x, hidden, [&](int64_t d, float x) {
        const float shared = direction != nullptr ? along * direction[d] : 0.0f;
        out[row * hidden + d] = static_cast<T>(x * scale + shared);
    });
}

}  // namespace

void draw_direction(int64_t hidden, uint64_t seed, float *direction, cudaStream_t stream) {
    direction_kernel<<<1, kThreads, 0, stream>>>(hidden, seed, direction);
    check(cudaGetLastError(), "drawing the shared direction");
}

void draw_rows(Dtype dtype, uint32_t purpose, int64_t rows, int64_t hidden, float scale, const float *direction,
               const float *log_unigram, uint64_t seed, void *out, cudaStream_t stream) {
    with_type(dtype, [&](auto zero) {
        using T = decltype(zero);
        rows_kernel<<<static_cast<unsigned>(rows), kThreads, 0, stream>>>(purpose, hidden, scale, direction,
                                                                          log_unigram, seed, static_cast<T *>(out));
    });
    check(cudaGetLastError(), "drawing random rows");
}

}  // namespace cce::benchmark
