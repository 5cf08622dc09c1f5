// Which of a tile's logits filtered gradients may keep, and how a warp leaves them for those.
#pragma once

#include "cuda/forward/candidates.cuh"
#include "cuda/sm90/epilogue.cuh"
#include "cuda/sm90/warpgroup_rows.cuh"

namespace cce::cuda::sm90 {

static_assert(kTileClasses == kCandidateTileClasses && kTileRows == kConsumers * kCandidateBlockRows);
static_assert(kWarpgroup == kCandidateWarps * kWarp && kPairs <= 32);

class RowCandidates {
public:
    // Finds the pairs of this thread with an x that is not below the least of its row, `own_least` in the lane whose
    // own row it is, and takes room for them. `tile_max` becomes the largest x of this thread's columns. The whole warp
    // must call it. What the room is shows much later: sums of the same tile had better come between this and store().
    __device__ RowCandidates(const Candidates &to, const float (&x)[kProducts][kProductSums], float own_least,
                             OfRows<float> &tile_max) {
        uint32_t own = 0;
#pragma unroll
        for (int p = 0; p < kProducts; ++p)
#pragma unroll
            for (int u = 0; u < 2; ++u) {
                const float least = __shfl_sync(kAllLanes, own_least, 2 * p + u, 4);
                pairs_[p][u] = 0;
                float max = -INFINITY;
#pragma unroll
                for (int pair = 0; pair < kPairs; ++pair) {
                    const float of_pair = max_or_nan(x[p][4 * pair + 2 * u], x[p][4 * pair + 2 * u + 1]);
                    max = max_or_nan(max, of_pair);
                    if (!(of_pair < least)) pairs_[p][u] |= 1u << pair;
                }
                tile_max[p][u] = max;
                own += __popc(pairs_[p][u]);
            }
        before_ = scan_lanes(own, &count_);
        if (threadIdx.x % kWarp == 0 && count_ > 0) first_ = add(&to.header->candidate_pairs, count_);
    }

    // Logits are x times `unit`.
    __device__ void store(const Candidates &to, const float (&x)[kProducts][kProductSums], float unit, int32_t tile,
                          int32_t block) const {
        const int32_t warp = static_cast<int32_t>(threadIdx.x) % kWarpgroup / kWarp;
        const bool fits = first_ + count_ <= to.most;
        if (threadIdx.x % kWarp == 0 && block < to.blocks)
            to.range(tile, block, warp) = {static_cast<uint32_t>(first_), fits ? count_ : 0};
        if (count_ == 0 || !__shfl_sync(kAllLanes, fits, 0)) return;
        uint32_t at = __shfl_sync(kAllLanes, static_cast<uint32_t>(first_), 0) + before_;
#pragma unroll
        for (int p = 0; p < kProducts; ++p)
#pragma unroll
            for (int u = 0; u < 2; ++u) {
                const uint32_t of_any = __reduce_or_sync(kAllLanes, pairs_[p][u]);
                const uint16_t first_place = CandidatePlace{tile_row(0, p, u), pair_column(0)}.encode();
#pragma unroll
                for (int first = 0; first < kPairs; first += kPairsAtOnce) {
                    if ((of_any >> first & ((1u << kPairsAtOnce) - 1)) == 0) continue;  // in all lanes
#pragma unroll
                    for (int pair = first; pair < first + kPairsAtOnce; ++pair) {
                        const float *z = &x[p][4 * pair + 2 * u];
                        store_pair(to, pairs_[p][u] & 1u << pair, &at, z[0] * unit, z[1] * unit,
                                   first_place + (pair_column(pair) - pair_column(0)) / 2);
                    }
                }
            }
    }

private:
    static constexpr int kPairsAtOnce = 2;
    static_assert(kPairs % kPairsAtOnce == 0);

    // As atomicAdd, for which the compiler would wait at once: it lets all lanes that add share one addition.
    __device__ static uint64_t add(uint64_t *sum, uint32_t more) {
        uint64_t before;
        asm volatile("atom.global.add.u64 %0, [%1], %2;"
                     : "=l"(before) : "l"(sum), "l"(static_cast<uint64_t>(more)) : "memory");
        return before;
    }

    // Stores a pair at *at, and counts it, if `kept` is not 0; without a branch, whose lanes would have to meet again.
    __device__ static void store_pair(const Candidates &to, uint32_t kept, uint32_t *at, float a, float b,
                                      int32_t place) {
        asm volatile(
            "{\n"
            ".reg .pred kept;\n"
            ".reg .b64 pair, place;\n"
            "setp.ne.u32 kept, %1, 0;\n"
            "mad.wide.u32 pair, %0, 8, %2;\n"
            "mad.wide.u32 place, %0, 2, %3;\n"
            "@kept st.global.v2.f32 [pair], {%4, %5};\n"
            "@kept st.global.u16 [place], %6;\n"
            "@kept add.u32 %0, %0, 1;\n"
            "}"
            : "+r"(*at)
            : "r"(kept), "l"(to.pairs), "l"(to.places), "f"(a), "f"(b), "h"(static_cast<uint16_t>(place))
            : "memory");
    }

    OfRows<uint32_t> pairs_;  // a bit each
    uint32_t before_;         // of the warp's, in lanes before this one
    uint32_t count_;          // of the warp
    uint64_t first_ = 0;      // where they go; in the first lane
};

}  // namespace cce::cuda::sm90
