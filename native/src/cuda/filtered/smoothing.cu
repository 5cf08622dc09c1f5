// What label smoothing adds to all classes of a position is the same but for the class's weight: of rank one. Its share
// of dE is a multiple of sum_j w[j] C[j], that of dC a multiple of sum_i smoothing[i] E[i]. Two sums over all rows of a
// matrix, each cut into a fixed number of parts; reading the matrix bounds them.
#include "cuda/check.h"
#include "cuda/filtered/kernels.h"

namespace cce::cuda::filtered {
namespace {

constexpr int64_t kParts = 256;

// Row k of the classifier, and its factor.
struct ClassRows {
    Batch batch;
    int64_t count;
    __device__ int64_t size() const { return count; }
    __device__ int64_t row(int64_t k) const { return k; }
    __device__ float factor(int64_t k) const { return batch.class_weight(k); }
};

struct PositionRows {
    const RowGradient *rows;
    const int64_t *tokens;
    const BackwardControl *control;
    __device__ int64_t size() const { return control->valid; }
    __device__ int64_t row(int64_t k) const { return tokens[k]; }
    __device__ float factor(int64_t k) const { return rows[k].smoothing; }
};

// A block has a part of the rows and 256 columns; column `width` has the factors alone.
template <typename T, typename Rows>
__global__ void __launch_bounds__(kThreads)
weighted_sum_kernel(const T *matrix, int64_t width, Rows rows, float *partials) {
    const int64_t part = blockIdx.x % kParts;
    const int64_t column = blockIdx.x / kParts * kThreads + threadIdx.x;
    if (column > width) return;
    const int64_t each = (rows.size() + kParts - 1) / kParts;
    const int64_t end = Minimum()(part * each + each, rows.size());
    float sum = 0.0f;
#pragma unroll 8
    for (int64_t k = part * each; k < end; ++k)
        sum += rows.factor(k) * (column < width ? to_float(matrix[rows.row(k) * width + column]) : 1.0f);
    partials[part * (width + 1) + column] = sum;
}

__global__ void __launch_bounds__(kThreads) add_parts_kernel(const float *partials, int64_t width, float *sum) {
    const int64_t column = static_cast<int64_t>(blockIdx.x) * kThreads + threadIdx.x;
    if (column > width) return;
    double whole = 0.0;
    for (int64_t part = 0; part < kParts; ++part) whole += partials[part * (width + 1) + column];
    sum[column] = static_cast<float>(whole);
}

template <typename Rows>
int32_t weighted_sum(const Problem &p, const void *matrix, const Rows &rows, float *partials, float *sum,
                     cudaStream_t stream) {
    const char *doing = "summing what label smoothing adds";
    const int64_t width = p.spec.hidden;
    const int64_t column_blocks = div_up(width + 1, kThreads);
    CCE_TRY(with_half(p.spec.dtype, [&](auto scalar) {
        using T = decltype(scalar);
        return launch(doing, weighted_sum_kernel<T, Rows>, kParts * column_blocks, kThreads, stream,
                      static_cast<const T *>(matrix), width, rows, partials);
    }));
    return launch(doing, add_parts_kernel, column_blocks, kThreads, stream, partials, width, sum);
}

}  // namespace

int64_t smoothing_partials(const Problem &p) { return kParts * (p.spec.hidden + 1); }

int32_t sum_classifier(const Problem &p, const Work &work, float *partials, float *sum, cudaStream_t stream) {
    return weighted_sum(p, work.logits.classifier, ClassRows{work.logits.batch, p.spec.classes}, partials, sum, stream);
}

int32_t sum_embeddings(const Problem &p, const Work &work, float *partials, float *sum, cudaStream_t stream) {
    return weighted_sum(p, work.logits.embeddings, PositionRows{work.rows, work.tokens, work.control}, partials, sum,
                        stream);
}

}  // namespace cce::cuda::filtered
