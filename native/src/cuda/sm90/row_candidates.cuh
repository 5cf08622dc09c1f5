// Which of a tile's logits filtered gradients may keep, and how a warp leaves them for those.
#pragma once

#include <cfloat>

#include "cuda/forward/candidates.cuh"
#include "cuda/opaque.cuh"
#include "cuda/sm90/epilogue.cuh"
#include "cuda/sm90/warpgroup_rows.cuh"

namespace cce::cuda::sm90 {

static_assert(kTileClasses == kCandidateTileClasses && kTileRows == kConsumers * kCandidateBlockRows);
static_assert(kWarpgroup == kCandidateWarps * kWarp && kPairs <= 32);

class RowCandidates {
public:
    static constexpr float kNone = INFINITY;  // the least x of a candidate in rows that have none, not even NaN
    // In other rows: infinity and NaN are candidates, and whatever x is where `least` is NaN.
    __device__ static float least(float least) { return least > FLT_MAX ? FLT_MAX : least; }

    // Finds the pairs of this thread with an x that is not below the least of its row, `own_least` in the lane whose
    // own row it is, and takes room for them. `tile_max` becomes the largest x
    // of this thread's columns. The whole warp must call it. What the room is shows much later: sums of the same tile
    // had better come between this and store().
    __device__ RowCandidates(const Candidates &to, const float (&x)[kProducts][kProductSums], float own_least,
                             OfRows<float> &tile_max) {
        uint32_t own = 0;
#pragma unroll
        for (int p = 0; p < kProducts; ++p)
#pragma unroll
            for (int u = 0; u < 2; ++u) {
                const float least = __shfl_sync(kAllLanes, own_least, 2 * p + u, 4);
                uint32_t pairs = 0;
                float max = -INFINITY;
#pragma unroll
                for (int pair = 0; pair < kPairs; ++pair) {
                    const float of_pair = max_or_nan(x[p][4 * pair + 2 * u], x[p][4 * pair + 2 * u + 1]);
                    max = max_or_nan(max, of_pair);
                    if (!(of_pair < least)) pairs |= 1u << pair;
                }
                tile_max[p][u] = max;
                pairs_[p][u] = least == kNone ? 0 : pairs;
                own += __popc(pairs_[p][u]);
            }
        count_ = __reduce_add_sync(kAllLanes, own);
        add(to, count_);
    }

    // Logits are x times `unit`. Returns whether there was room. The whole warp must call it.
    __device__ bool store(const Candidates &to, const float (&x)[kProducts][kProductSums], float unit, int32_t tile,
                          int32_t block) const {
        const int32_t thread = opaque(static_cast<int32_t>(threadIdx.x)) % kWarpgroup;
        const bool fits = first_ + count_ <= to.most;
        if (thread % kWarp == 0 && block < to.blocks)
            to.range(tile, block, thread / kWarp) = {static_cast<uint32_t>(first_), fits ? count_ : 0};
        if (count_ == 0) return true;
        if (!__shfl_sync(kAllLanes, fits, 0)) return false;
        uint32_t next = __shfl_sync(kAllLanes, static_cast<uint32_t>(first_), 0);
#pragma unroll
        for (int p = 0; p < kProducts; ++p)
#pragma unroll
            for (int u = 0; u < 2; ++u) {
                uint32_t left = pairs_[p][u];
                const int32_t first_place =
                    CandidatePlace{p * kProductRows + thread / kWarp * 16 + u * 8 + thread % kWarp / 4, 2 * (thread % 4)}
                        .encode();
                // One pair of each lane that has any left.
                while (const uint32_t lanes = __ballot_sync(kAllLanes, left != 0)) {
                    const uint32_t bit = left & -left;
                    float a = 0.0f;
                    float b = 0.0f;
#pragma unroll
                    for (int pair = 0; pair < kPairs; ++pair)
                        if (bit & 1u << pair) {
                            a = x[p][4 * pair + 2 * u];
                            b = x[p][4 * pair + 2 * u + 1];
                        }
                    constexpr int kStep = 4;
                    store_pair(to, left, next + __popc(lanes & lanes_before()), a * unit, b * unit,
                               first_place + kStep * (__ffs(left) - 1));
                    left ^= bit;
                    next += __popc(lanes);
                }
            }
        return true;
    }

private:
    __device__ static uint32_t lanes_before() {
        uint32_t lanes;
        asm("mov.u32 %0, %%lanemask_lt;" : "=r"(lanes));
        return lanes;
    }

    // As an atomicAdd of the first lane, for which the compiler would wait at once: where it knows that all lanes add to
    // the same address, it lets them share one addition.
    __device__ void add(const Candidates &to, uint32_t more) {
        const uint32_t lane = threadIdx.x % kWarp;
        asm volatile(
            "{\n"
            ".reg .pred adds;\n"
            "setp.ne.u32 adds, %1, 0;\n"
            "@adds atom.global.add.u64 %0, [%2], %3;\n"
            "}"
            : "+l"(first_)
            : "r"(lane == 0 ? more : 0), "l"(&to.header->candidate_pairs + lane), "l"(static_cast<uint64_t>(more))
            : "memory");
    }

    // Stores a pair at `at` if `kept` is not 0; without a branch, whose lanes would have to meet again.
    __device__ static void store_pair(const Candidates &to, uint32_t kept, uint32_t at, float a, float b,
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
            "}" ::"r"(at), "r"(kept), "l"(to.pairs), "l"(to.places), "f"(a), "f"(b), "h"(static_cast<uint16_t>(place))
            : "memory");
    }

    OfRows<uint32_t> pairs_;  // a bit each
    uint32_t count_;          // of the warp
    uint64_t first_ = 0;      // where they go; in the first lane
};

}  // namespace cce::cuda::sm90
