// What is kept of the logits of a run if their argmax, entropy or sum is wanted too: every tile is reduced over the
// four threads of a row, and each of them keeps one whole row. Slower than RowSums, and as small.
#pragma once

#include "cuda/forward/online_lse.cuh"
#include "cuda/forward/partials.cuh"
#include "cuda/sm90/epilogue.cuh"
#include "cuda/sm90/warpgroup_rows.cuh"

namespace cce::cuda::sm90 {

struct RowExtraSums {
    OnlineLse own;

    __device__ void clear() { own = OnlineLse::nothing(); }

    // Adds a tile but for its weighted sums, and returns the maximum of the own row.
    __device__ float add(const float (&x)[kProducts][kProductSums], float unit, int32_t first_class) {
        OnlineLse tile;
#pragma unroll
        for (int p = 0; p < kProducts; ++p)
#pragma unroll
            for (int u = 0; u < 2; ++u) {
                const OnlineLse row = row_of_tile(x[p], u, unit, first_class);
                if (static_cast<int>(threadIdx.x) % 4 == 2 * p + u) tile = row;
            }
        own = merge(own, tile);
        return tile.max;
    }

    // Adds a tile's sums of w * z. An infinite logit counts only where it has a weight.
    __device__ void add_weighted(const float (&x)[kProducts][kProductSums], float unit, const ClassValues &weights) {
        OfRows<float> sum = {};
#pragma unroll
        for (int pair = 0; pair < kPairs; ++pair) {
            const float2 w = weights.at(pair);
#pragma unroll
            for (int p = 0; p < kProducts; ++p)
#pragma unroll
                for (int u = 0; u < 2; ++u) {
                    sum[p][u] += w.x == 0.0f ? 0.0f : w.x * x[p][4 * pair + 2 * u];
                    sum[p][u] += w.y == 0.0f ? 0.0f : w.y * x[p][4 * pair + 2 * u + 1];
                }
        }
        own.weighted += reduce_to_own(sum, Sum()) * unit;
    }

    __device__ void store(int64_t first, int32_t group, const Partials &out) const {
        const int64_t place = first + own_row(group);
        out.lse[place] = {own.max, own.sum};
        out.extras[place] = {own.centred, own.weighted, own.argmax};
    }

private:
    // The same in the four threads of the row; without the weighted sum.
    __device__ static OnlineLse row_of_tile(const float (&x)[kProductSums], int u, float unit, int32_t first_class) {
        constexpr float kLn2 = 0.6931471805599453f;
        const float max = reduce_lanes<4>(row_max(x, u), FloatMaximum());
        const float base = finite(max);
        float sum = 0.0f;
        float centred = 0.0f;
        int32_t argmax = kTileClasses;  // of the block
#pragma unroll
        for (int pair = kPairs - 1; pair >= 0; --pair)
#pragma unroll
            for (int v = 1; v >= 0; --v) {
                const float value = x[4 * pair + 2 * u + v];
                const float power = (value - base) * (unit * kLog2E);
                const float e = fast_exp2(power);
                sum += e;
                centred += e == 0.0f ? 0.0f : e * power;
                if (value == max || value != value) argmax = 8 * pair + v;
            }
        argmax = reduce_lanes<4>(argmax + pair_column(0), Minimum());
        return {max * unit, reduce_lanes<4>(sum, Sum()), reduce_lanes<4>(centred, Sum()) * kLn2, 0.0f,
                first_class + argmax};
    }
};

}  // namespace cce::cuda::sm90
