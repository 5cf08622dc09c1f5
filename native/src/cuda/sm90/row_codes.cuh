// What a tile's logits leave of themselves for backward.
#pragma once

#include "cuda/forward/kept_logits.cuh"
#include "cuda/sm90/warpgroup_rows.cuh"

namespace cce::cuda::sm90 {

// Stores the codes of a tile of classes and the positions from `first_row` on, whose largest logits in this thread's
// columns are `tile_max`. The four threads of a row exchange what they have, so that each stores 8 neighbours at a
// time. The whole warpgroup must call it.
__device__ inline void keep_logits(const KeptLogits &kept, int32_t tile, int32_t first_row, int32_t valid,
                                   int32_t group, float unit, const OfRows<float> &tile_max,
                                   const float (&x)[kProducts][kProductSums]) {
    static_assert(kTileClasses == kKeptTileClasses);
    constexpr int kExchanged = 4;
    static_assert(kPairs % kExchanged == 0);
#pragma unroll
    for (int p = 0; p < kProducts; ++p)
#pragma unroll
        for (int u = 0; u < 2; ++u) {
            const float max = reduce_lanes<4>(tile_max[p][u], FloatMaximum());
            const int32_t i = first_row + tile_row(group, p, u);
            const bool exists = i < valid;
            const int64_t place = tile * kept.rows + i;
            const int32_t lane = static_cast<int32_t>(threadIdx.x) % kExchanged;
            if (exists && lane == 2 * p + u) kept.maxima[place] = max * unit;
            uint16_t *out = kept.codes + place * kKeptTileClasses + 8 * lane;
#pragma unroll
            for (int first = 0; first < kPairs; first += kExchanged) {
                uint32_t pairs[kExchanged];
#pragma unroll
                for (int k = 0; k < kExchanged; ++k) {
                    const float *z = &x[p][4 * (first + k) + 2 * u];
                    pairs[k] = kept.encode((max - z[0]) * unit, (max - z[1]) * unit);
                }
                const uint4 neighbours = gather_own(pairs);
                // Not needed before backward, unlike what it would take the place of in the L2 cache.
                if (exists) __stcs(reinterpret_cast<uint4 *>(out + 8 * first), neighbours);
            }
        }
}

}  // namespace cce::cuda::sm90
