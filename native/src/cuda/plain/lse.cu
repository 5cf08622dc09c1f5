// Primitive 2 (section 4.2 of the paper): log-sum-exp of each position. A block keeps 128 counting positions and sweeps
// one split of the vocabulary in tiles of 128 classes; each tile's logits stay in registers and are folded into one
// OnlineLse a row in shared memory, in ascending order. 2 * R * V * D flops in float32, which bound it. The target's
// logit is picked out on the way: so it is the very number that the log-sum-exp holds, and no loss is below 0.
#include "cuda/check.h"
#include "cuda/plain/kernels.h"
#include "cuda/plain/plan.h"
#include "cuda/reduce.cuh"

namespace cce::cuda::plain {
namespace {

// The largest of a row of a tile and its lowest column.
struct Peak {
    float value;
    int column;
};

__device__ Peak higher(const Peak &a, const Peak &b) {
    return beats(a.value, b.value) || (!beats(b.value, a.value) && a.column < b.column) ? a : b;
}

// The OnlineLse of row u of this thread's tile, the same in all 16 threads of the row.
__device__ OnlineLse tile_lse(const float (&z)[kMicro], const float (&weights)[kMicro], int64_t first_class) {
    Peak peak{z[0], tile_column(0)};
#pragma unroll
    for (int v = 1; v < kMicro; ++v) peak = higher(peak, Peak{z[v], tile_column(v)});
#pragma unroll
    for (int distance = kSide / 2; distance > 0; distance /= 2)
        peak = higher(peak, Peak{__shfl_xor_sync(kAllLanes, peak.value, distance),
                                 __shfl_xor_sync(kAllLanes, peak.column, distance)});
    OnlineLse part = OnlineLse::nothing();
    part.max = peak.value;
    part.argmax = first_class + peak.column;
    const float shift = peak.value == -INFINITY ? 0.0f : peak.value;  // -inf - -inf would be NaN
#pragma unroll
    for (int v = 0; v < kMicro; ++v) {
        const float e = expf(z[v] - shift);
        part.sum += e;
        part.centred += e == 0.0f ? 0.0f : e * (z[v] - shift);
        part.weighted += weights[v] == 0.0f ? 0.0f : weights[v] * z[v];
    }
    part.sum = reduce_lanes<kSide>(part.sum, Sum());
    part.centred = reduce_lanes<kSide>(part.centred, Sum());
    part.weighted = reduce_lanes<kSide>(part.weighted, Sum());
    return part;
}

template <typename T>
__global__ void __launch_bounds__(kTileThreads, 2)
lse_kernel(Logits logits, int64_t rows, int64_t tiles_each, bool smoothing, float *target_logit, OnlineLse *partials) {
    __shared__ TileShared shared;
    __shared__ int64_t tokens[kTile];
    __shared__ int64_t targets[kTile];
    __shared__ OnlineLse state[kTile];
    const int64_t row_blocks = div_up(rows, kTile);
    const int64_t first_row = blockIdx.x % row_blocks * kTile;
    const int64_t split = blockIdx.x / row_blocks;
    const int64_t valid = *logits.valid;
    if (first_row >= valid) return;
    const int64_t i = first_row + threadIdx.x;
    if (threadIdx.x < kTile) {
        tokens[threadIdx.x] = logits.token(i);
        targets[threadIdx.x] =
            target_logit != nullptr && i < valid ? logits.batch.target(logits.valid_rows[i]) : -1;
        state[threadIdx.x] = OnlineLse::nothing();
    }
    __syncthreads();
    const int64_t begin = split * tiles_each * kTile;
    const int64_t end = Minimum()(begin + tiles_each * kTile, logits.classes);
    for (int64_t first_class = begin; first_class < end; first_class += kTile) {
        MicroTile z;
        logit_tile<T>(z, shared, logits, tokens, first_class);
        float weights[kMicro];  // 0 where the sum over classes is not wanted or the class does not exist
#pragma unroll
        for (int v = 0; v < kMicro; ++v) {
            const int64_t j = first_class + tile_column(v);
            weights[v] = smoothing && j < logits.classes ? logits.batch.class_weight(j) : 0.0f;
        }
#pragma unroll
        for (int u = 0; u < kMicro; ++u) {
            const int row = tile_row(u);
            const OnlineLse part = tile_lse(z[u], weights, first_class);
            // Between the barriers around the sweep this thread alone touches the row's state.
            if (tile_column(0) == 0) state[row] = merge(state[row], part);
            const int64_t target = targets[row] - first_class;
#pragma unroll
            for (int v = 0; v < kMicro; ++v)
                if (target == tile_column(v)) target_logit[logits.valid_rows[first_row + row]] = z[u][v];
        }
    }
    __syncthreads();
    if (threadIdx.x < kTile && i < valid) partials[split * rows + i] = state[threadIdx.x];
}

}  // namespace

int32_t lse_partials(const Problem &p, const Logits &logits, const VocabularySplits &splits, float *target_logit,
                     OnlineLse *partials, cudaStream_t stream) {
    const bool smoothing = p.spec.label_smoothing > 0.0;
    return with_scalar(p.spec.dtype, [&](auto scalar) {
        return launch("summing the logits", lse_kernel<decltype(scalar)>, div_up(p.rows, kTile) * splits.count,
                      kTileThreads, stream, logits, p.rows, splits.tiles_each, smoothing, target_logit, partials);
    });
}

}  // namespace cce::cuda::plain
