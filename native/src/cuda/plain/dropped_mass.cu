// The softmax mass that the filters of backward drop from each position. The sweep of lse.cu over the same splits, with
// the final lse at hand: 2 * R * V * D flops again, spent only when a report or a limit asks for it.
#include "cuda/plain/dropped_mass.h"

#include <algorithm>

#include "cuda/check.h"
#include "cuda/plain/logit_tile.cuh"
#include "cuda/reduce.cuh"

namespace cce::cuda::plain {
namespace {

template <typename T>
__global__ void __launch_bounds__(kTileThreads, 2)
dropped_mass_kernel(Logits logits, int64_t rows, int64_t splits, int64_t tiles_each, const float *lse_of,
                    const BackwardControl *control, float *dropped) {
    __shared__ TileShared shared;
    __shared__ int64_t tokens[kTile];
    __shared__ int64_t targets[kTile];
    __shared__ float lse[kTile];
    __shared__ float for_embeddings[kTile];
    __shared__ float for_classifier[kTile];
    const int64_t row_blocks = div_up(rows, kTile);
    const int64_t first_row = blockIdx.x % row_blocks * kTile;
    const int64_t split = blockIdx.x / row_blocks;
    const int64_t valid = *logits.valid;
    if (first_row >= valid) return;
    const int64_t i = first_row + threadIdx.x;
    if (threadIdx.x < kTile) {
        const int64_t r = i < valid ? logits.valid_rows[i] : 0;
        tokens[threadIdx.x] = logits.token(i);
        targets[threadIdx.x] = i < valid ? logits.batch.target(r) : -1;
        lse[threadIdx.x] = i < valid ? lse_of[r] : 0.0f;
        for_embeddings[threadIdx.x] = 0.0f;
        for_classifier[threadIdx.x] = 0.0f;
    }
    __syncthreads();
    const float filter_embeddings = control->filter_embeddings;
    const float filter_classifier = control->filter_classifier;
    const int64_t begin = split * tiles_each * kTile;
    const int64_t end = Minimum()(begin + tiles_each * kTile, logits.classes);
    for (int64_t first_class = begin; first_class < end; first_class += kTile) {
        MicroTile z;
        logit_tile<T>(z, shared, logits, tokens, first_class);
#pragma unroll
        for (int u = 0; u < kMicro; ++u) {
            const int row = tile_row(u);
            float below_embeddings = 0.0f;
            float below_classifier = 0.0f;
#pragma unroll
            for (int v = 0; v < kMicro; ++v) {
                const float p = expf(z[u][v] - lse[row]);
                const bool other = first_class + tile_column(v) != targets[row];
                if (other && p < filter_embeddings) below_embeddings += p;
                if (other && p < filter_classifier) below_classifier += p;
            }
            below_embeddings = reduce_lanes<kSide>(below_embeddings, Sum());
            below_classifier = reduce_lanes<kSide>(below_classifier, Sum());
            // Between the barriers around the sweep this thread alone touches the row's sums.
            if (tile_column(0) == 0) {
                for_embeddings[row] += below_embeddings;
                for_classifier[row] += below_classifier;
            }
        }
    }
    __syncthreads();
    if (threadIdx.x < kTile && i < valid) {
        dropped[split * rows + i] = for_embeddings[threadIdx.x];
        dropped[(splits + split) * rows + i] = for_classifier[threadIdx.x];
    }
}

}  // namespace

VocabularySplits VocabularySplits::of(const Problem &p) {
    const int64_t tiles = div_up(p.spec.classes, kTile);
    const int64_t row_blocks = std::max<int64_t>(1, div_up(p.rows, kTile));
    const int64_t wanted = std::clamp<int64_t>(kBusyBlocks / row_blocks, 1, tiles);
    const int64_t tiles_each = div_up(tiles, wanted);
    return {div_up(tiles, tiles_each), tiles_each};
}

int32_t dropped_mass(const Problem &p, const Logits &logits, const VocabularySplits &splits, const float *lse,
                     const BackwardControl *control, float *dropped, cudaStream_t stream) {
    return with_scalar(p.spec.dtype, [&](auto scalar) {
        return launch("measuring what the filters drop", dropped_mass_kernel<decltype(scalar)>,
                      div_up(p.rows, kTile) * splits.count, kTileThreads, stream, logits, p.rows, splits.count,
                      splits.tiles_each, lse, control, dropped);
    });
}

}  // namespace cce::cuda::plain
