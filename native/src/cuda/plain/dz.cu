// The gradient of the logits before softcap, of a block of positions and classes. Recomputes the logits, whose
// 2 * D flops an element bound it.
#include "cuda/backward/dz_element.cuh"
#include "cuda/check.h"
#include "cuda/plain/family.h"
#include "cuda/plain/logit_tile.cuh"
#include "cuda/reduce.cuh"

namespace cce::cuda::plain {
namespace {

template <typename T>
__global__ void __launch_bounds__(kTileThreads, 2)
dz_kernel(Logits logits, DzInputs inputs, bool smoothing, Block block, float *for_embeddings, float *for_classifier) {
    if (!block.is_due(*inputs.control)) return;
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
        rows[threadIdx.x] = i < valid ? inputs.rows[i] : RowGradient::nothing();
    }
    __syncthreads();
    MicroTile z;
    logit_tile<T>(z, shared, logits, tokens, first_class);
    const float filter_embeddings = inputs.control->filter_embeddings;
    const float filter_classifier = inputs.control->filter_classifier;
#pragma unroll
    for (int v = 0; v < kMicro; ++v) {
        const int64_t column = class_offset + tile_column(v);
        const int64_t j = block.first_class + column;
        if (column >= block.classes) continue;
        const float weight = smoothing ? logits.batch.class_weight(j) : 0.0f;
#pragma unroll
        for (int u = 0; u < kMicro; ++u) {
            if (first_row + tile_row(u) >= valid) continue;
            const RowGradient &row = rows[tile_row(u)];
            const DzElement dz = DzElement::of(row, expf(z[u][v] - row.lse), j == row.target, weight,
                                               logits.map.slope(z[u][v]));
            const int64_t place = (row_offset + tile_row(u)) * block.pitch + column;
            if (for_embeddings != nullptr) for_embeddings[place] = dz.filtered(filter_embeddings);
            if (for_classifier != nullptr) for_classifier[place] = dz.filtered(filter_classifier);
        }
    }
}

}  // namespace

int32_t dz_block(const Problem &p, const Logits &logits, const DzInputs &inputs, const Block &block,
                 void *for_embeddings, void *for_classifier, cudaStream_t stream) {
    return with_scalar(p.spec.dtype, [&](auto scalar) {
        return launch("computing the gradient of the logits", dz_kernel<decltype(scalar)>,
                      div_up(block.rows, kTile) * div_up(block.classes, kTile), kTileThreads, stream, logits, inputs,
                      p.spec.label_smoothing > 0.0, block, static_cast<float *>(for_embeddings),
                      static_cast<float *>(for_classifier));
    });
}

}  // namespace cce::cuda::plain
