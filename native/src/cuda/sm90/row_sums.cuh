// What is kept of the logits of a run if only their log-sum-exp is wanted: each thread has running sums of its own
// columns of its rows, and the four threads of a row say no word to each other until the end of the run.
#pragma once

#include "cuda/forward/partials.cuh"
#include "cuda/sm90/epilogue.cuh"
#include "cuda/sm90/warpgroup_rows.cuh"

namespace cce::cuda::sm90 {

struct RowSums {
    OfRows<float> max;  // of x = logit / unit
    OfRows<float> sum;  // of exp(unit * (x - max))

    __device__ void clear() {
#pragma unroll
        for (int p = 0; p < kProducts; ++p)
#pragma unroll
            for (int u = 0; u < 2; ++u) {
                max[p][u] = -INFINITY;
                sum[p][u] = 0.0f;
            }
    }

    // Adds a tile. `tile_max`: the largest x of this thread's columns.
    __device__ void add(const float (&x)[kProducts][kProductSums], float unit, OfRows<float> &tile_max) {
        add(x, unit, [&](int p, int u) { return tile_max[p][u] = row_max(x[p], u); });
    }

    // The same. max_of(p, u): that of a row.
    template <typename MaxOf>
    __device__ void add(const float (&x)[kProducts][kProductSums], float unit, MaxOf max_of) {
        const float scale = unit * kLog2E;
#pragma unroll
        for (int p = 0; p < kProducts; ++p)
#pragma unroll
            for (int u = 0; u < 2; ++u) {
                const float whole = max_or_nan(max[p][u], max_of(p, u));
                const float shift = -finite(whole) * scale;
                float even = sum[p][u] * fast_exp2(fmaf(max[p][u], scale, shift));
                float odd = 0.0f;
#pragma unroll
                for (int pair = 0; pair < kPairs; ++pair) {
                    even += fast_exp2(fmaf(x[p][4 * pair + 2 * u], scale, shift));
                    odd += fast_exp2(fmaf(x[p][4 * pair + 2 * u + 1], scale, shift));
                }
                max[p][u] = whole;
                sum[p][u] = even + odd;
            }
    }

    // The same. Returns the maximum of the own row if that is wanted.
    template <bool kMaximum>
    __device__ float add(const float (&x)[kProducts][kProductSums], float unit) {
        OfRows<float> tile_max;
        add(x, unit, tile_max);
        return kMaximum ? reduce_to_own(tile_max, FloatMaximum()) * unit : 0.0f;
    }

    // Merges the threads of a row and stores their results at `first` + row of the tile.
    __device__ void store(float unit, int64_t first, int32_t group, const Partials &out) const {
        OfRows<float> share;
        const float own_max = reduce_to_own(max, FloatMaximum());
#pragma unroll
        for (int p = 0; p < kProducts; ++p)
#pragma unroll
            for (int u = 0; u < 2; ++u) {
                const float whole = reduce_lanes<4>(max[p][u], FloatMaximum());
                share[p][u] = sum[p][u] * fast_exp2((max[p][u] - finite(whole)) * (unit * kLog2E));
            }
        out.lse[first + own_row(group)] = {own_max * unit, reduce_to_own(share, Sum())};
    }
};

}  // namespace cce::cuda::sm90
