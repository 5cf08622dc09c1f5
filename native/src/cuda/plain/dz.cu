// The gradient of the logits before softcap, of a block of positions and classes. Recomputes the logits and, with g the
// gradient of the position's loss,
//
//     dz[i,j] = (p[i,j] * softmax[i] - [j = y[i]] * target[i] - w[j] * smoothing[i]) * dz/dx
//     softmax = g t ((1 - a) w[y] + a/V sum w + 2 lambda lse) + dlse,  target = g t (1 - a) w[y],  smoothing = g t a/V
//
// where the filter sets a p[i,j] < eps with j != y[i] to 0. 2 * D flops an element bound it.
#include "cuda/check.h"
#include "cuda/plain/kernels.h"
#include "cuda/reduce.cuh"

namespace cce::cuda::plain {
namespace {

struct LossGradient {
    const float *lse;
    const float *grad_loss;
    const float *grad_lse;
    bool loss_of_each_row;
    const StateHeader *header;
    double smoothing;
    double z_loss;
};

struct RowGradient {
    int64_t target;
    float lse;
    float softmax;
    float of_target;
    float smoothing;
};

__device__ RowGradient row_gradient(const LossGradient &of, const Batch &batch, int64_t r) {
    const int64_t target = batch.target(r);
    const double weight = batch.is_class(target) ? batch.class_weight(target) : 0.0;
    const double grad_loss = of.grad_loss == nullptr ? 1.0 : of.grad_loss[of.loss_of_each_row ? r : 0];
    const double divisor = of.header->divisor;
    const double g = divisor == 0.0 ? 0.0 : grad_loss * batch.token_weight(r) / divisor;
    const double smoothing = g * of.smoothing / static_cast<double>(batch.classes);
    const double lse = of.lse[r];
    double softmax = g * (1.0 - of.smoothing) * weight;
    if (of.smoothing > 0.0) softmax += smoothing * of.header->class_weight_sum;
    if (of.z_loss > 0.0) softmax += g * 2.0 * of.z_loss * lse;
    if (of.grad_lse != nullptr) softmax += of.grad_lse[r];
    return {target, of.lse[r], static_cast<float>(softmax), static_cast<float>(g * (1.0 - of.smoothing) * weight),
            static_cast<float>(smoothing)};
}

template <typename T>
__global__ void __launch_bounds__(kTileThreads, 2)
dz_kernel(Logits logits, LossGradient loss, const BackwardControl *control, Block block, float *for_embeddings,
          float *for_classifier) {
    __shared__ TileShared shared;
    __shared__ int64_t tokens[kTile];
    __shared__ RowGradient rows[kTile];
    const int64_t row_blocks = div_up(block.rows, kTile);
    const int64_t row_offset = blockIdx.x % row_blocks * kTile;
    const int64_t class_offset = blockIdx.x / row_blocks * kTile;
    const int64_t first_row = block.first_row + row_offset;
    const int64_t first_class = block.first_class + class_offset;
    const int64_t valid = Minimum()(*logits.valid, block.first_row + block.rows);
    if (first_row >= valid) return;
    if (threadIdx.x < kTile) {
        const int64_t i = first_row + threadIdx.x;
        tokens[threadIdx.x] = i < valid ? logits.token(i) : -1;
        rows[threadIdx.x] = i < valid ? row_gradient(loss, logits.batch, logits.valid_rows[i])
                                      : RowGradient{-1, 0.0f, 0.0f, 0.0f, 0.0f};
    }
    __syncthreads();
    MicroTile z;
    logit_tile<T>(z, shared, logits, tokens, first_class);
    const float filter_embeddings = control->filter_embeddings;
    const float filter_classifier = control->filter_classifier;
#pragma unroll
    for (int v = 0; v < kMicro; ++v) {
        const int64_t column = class_offset + tile_column(v);
        const int64_t j = block.first_class + column;
        if (column >= block.classes) continue;
        const float weight = loss.smoothing > 0.0 ? logits.batch.class_weight(j) : 0.0f;
#pragma unroll
        for (int u = 0; u < kMicro; ++u) {
            if (first_row + tile_row(u) >= valid) continue;
            const RowGradient &row = rows[tile_row(u)];
            const bool is_target = j == row.target;
            const float p = expf(z[u][v] - row.lse);
            const float rest = (is_target ? row.of_target : 0.0f) + row.smoothing * weight;
            const float slope = logits.map.slope(z[u][v]);
            const int64_t place = (row_offset + tile_row(u)) * block.pitch + column;
            if (for_embeddings != nullptr) {
                const float kept = !is_target && p < filter_embeddings ? 0.0f : p;
                for_embeddings[place] = (kept * row.softmax - rest) * slope;
            }
            if (for_classifier != nullptr) {
                const float kept = !is_target && p < filter_classifier ? 0.0f : p;
                for_classifier[place] = (kept * row.softmax - rest) * slope;
            }
        }
    }
}

}  // namespace

int32_t dz_block(const Problem &p, const Logits &logits, const DzInputs &inputs, const Block &block,
                 float *for_embeddings, float *for_classifier, cudaStream_t stream) {
    const LossGradient loss{inputs.lse,
                            inputs.grad_loss,
                            inputs.grad_lse,
                            p.spec.reduction == CCE_REDUCTION_NONE,
                            inputs.header,
                            p.spec.label_smoothing,
                            p.spec.z_loss};
    return with_scalar(p.spec.dtype, [&](auto scalar) {
        return launch("computing the gradient of the logits", dz_kernel<decltype(scalar)>,
                      div_up(block.rows, kTile) * div_up(block.classes, kTile), kTileThreads, stream, logits, loss,
                      inputs.control, block, for_embeddings, for_classifier);
    });
}

}  // namespace cce::cuda::plain
