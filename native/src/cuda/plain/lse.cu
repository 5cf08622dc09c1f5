// Primitive 2 (section 4.2 of the paper): log-sum-exp of each position. In each of its runs a block keeps 128 counting
// positions and goes through tiles of 128 classes; each tile's logits stay in registers and are folded into one
// OnlineLse a row in shared memory, in ascending order. 2 * R * V * D flops in float32, which bound it.
#include <algorithm>

#include "cuda/check.h"
#include "cuda/device.h"
#include "cuda/forward/online_lse.cuh"
#include "cuda/plain/family.h"
#include "cuda/plain/logit_tile.cuh"
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
lse_kernel(Schedule schedule, SweepInputs in, bool smoothing, Partials partials) {
    __shared__ TileShared shared;
    __shared__ int64_t tokens[kTile];
    __shared__ OnlineLse state[kTile];
    __shared__ RunList list;
    const Logits &logits = in.logits;
    if (threadIdx.x == 0) list.fill(schedule, *logits.valid, blockIdx.x);
    __syncthreads();
    for (int32_t index = 0; index < list.count; ++index) {
        const RunList::Run &run = list.runs[index];
        if (threadIdx.x < kTile) {
            tokens[threadIdx.x] = logits.token(static_cast<int64_t>(run.row_tile) * kTile + threadIdx.x);
            state[threadIdx.x] = OnlineLse::nothing();
        }
        __syncthreads();
        for (int32_t tile = run.first_class_tile; tile < run.end_class_tile; ++tile) {
            const int64_t first_class = static_cast<int64_t>(tile) * kTile;
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
                // Between the barriers around the tiles this thread alone touches the row's state.
                if (tile_column(0) == 0) state[row] = merge(state[row], part);
            }
        }
        __syncthreads();
        if (threadIdx.x >= kTile) continue;
        const OnlineLse &whole = state[threadIdx.x];
        const int64_t place = static_cast<int64_t>(run.slot) * kTile + threadIdx.x;
        partials.lse[place] = {whole.max, whole.sum};
        if (partials.extras != nullptr) partials.extras[place] = {whole.centred, whole.weighted, whole.argmax};
    }
}

}  // namespace

Schedule schedule(const Problem &p) {
    // Two blocks fit on a multiprocessor. The L2 cache does not matter at this speed: as few panels as can be.
    const int32_t workers = 2 * std::max(1, traits_of(p.spec.device).multiprocessors);
    return Schedule::of(p, kTile, kTile, workers, workers);
}

int32_t sweep(const Problem &p, const Schedule &schedule, const SweepInputs &in, const Partials &out,
              cudaStream_t stream) {
    const bool smoothing = p.spec.label_smoothing > 0.0;
    return with_scalar(p.spec.dtype, [&](auto scalar) {
        return launch("summing the logits", lse_kernel<decltype(scalar)>, schedule.workers, kTileThreads, stream,
                      schedule, in, smoothing, out);
    });
}

}  // namespace cce::cuda::plain
