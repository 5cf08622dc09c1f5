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
    static constexpr float kNone = INFINITY;  // the least x of a row that has no candidates, not even NaN
    // That of other rows. There infinity and NaN are candidates, and everything is where `least` is NaN.
    __device__ static float finite_least(float least) { return least > FLT_MAX ? FLT_MAX : least; }

    // How far below the target's logit, as it was computed apart, the least of its row must stay: the target is always
    // kept.
    static constexpr float kTargetMargin = 1.0f;

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
                uint32_t below = 0;  // a bit each, as in pairs_
                float max = -INFINITY;
#pragma unroll
                for (int pair = 0; pair < kPairs; ++pair) {
                    const float of_pair = max_or_nan(x[p][4 * pair + 2 * u], x[p][4 * pair + 2 * u + 1]);
                    max = max_or_nan(max, of_pair);
                    // Its sign: half as many instructions of the ALU, which has the maxima too, as a comparison.
                    below = __funnelshift_l(__float_as_uint(of_pair - least), below, 1);
                }
                tile_max[p][u] = max;
                pairs_[p][u] = least == kNone ? 0 : ~below & (2 * bit_of(0) - 1);
                own += __popc(pairs_[p][u]);
            }
        count_ = __reduce_add_sync(kAllLanes, own);
        add(to, count_);
    }

    // Stores them. x becomes logits, which are x times `unit`. Returns whether there was room. The whole warp must call
    // it.
    __device__ bool store(const Candidates &to, float (&x)[kProducts][kProductSums], float unit, int32_t tile,
                          int32_t block) const {
        const uint32_t thread = static_cast<uint32_t>(opaque(static_cast<int32_t>(threadIdx.x))) % kWarpgroup;
        const bool fits = first_ + count_ <= to.most;
        const uint32_t first = fits ? static_cast<uint32_t>(first_) : kNoRoom;
        store_range(thread % kWarp == 0 && block < static_cast<int32_t>(to.blocks),
                    &to.range(tile, block, thread / kWarp), {first, fits ? count_ : 0});
        if (count_ == 0) return true;
        uint32_t next = __shfl_sync(kAllLanes, first, 0);
        if (next == kNoRoom) return false;
        if (unit != 1.0f) {
#pragma unroll
            for (int p = 0; p < kProducts; ++p)
#pragma unroll
                for (int i = 0; i < kProductSums; ++i) x[p][i] *= unit;
        }
        const int32_t first_place = place(static_cast<int32_t>(thread / kWarp * 16 + thread % kWarp / 4),
                                          static_cast<int32_t>(2 * (thread % 4)));
#pragma unroll
        for (int p = 0; p < kProducts; ++p)
#pragma unroll
            for (int u = 0; u < 2; ++u) {
                uint32_t left = pairs_[p][u];
                // One of each lane that has any left, straight from the sums: it takes a register more to choose it
                // first, and twice as many instructions.
                while (const uint32_t lanes = __ballot_sync(kAllLanes, left != 0)) {
                    const uint32_t at = next + __popc(lanes & lanes_before());
                    const uint32_t lowest = left & -left;
#pragma unroll
                    for (int pair = 0; pair < kPairs; ++pair) {
                        const float *z = &x[p][4 * pair + 2 * u];
                        store_pair(lowest & bit_of(pair), to.pairs + at, z[0], z[1]);
                    }
                    const int32_t pair = __clz(lowest) - __clz(bit_of(0));
                    store_place(left, to.places + at, first_place + place(p * kProductRows + u * 8, 8 * pair));
                    left ^= lowest;
                    next += __popc(lanes);
                }
            }
        return true;
    }

private:
    static constexpr uint32_t kNoRoom = UINT32_MAX;

    __device__ static int32_t place(int32_t row, int32_t first_class) {
        return CandidatePlace{row, first_class}.encode();
    }

    __device__ static uint32_t bit_of(int pair) { return 1u << (kPairs - 1 - pair); }

    __device__ static uint32_t lanes_before() {
        uint32_t lanes;
        asm("mov.u32 %0, %%lanemask_lt;" : "=r"(lanes));
        return lanes;
    }

    // In the first lane. Where the compiler knows the address to be the same in all lanes, also of `atom`, it lets them
    // share an addition and waits for it at once.
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

    // Stores a range if it is `wanted`; without a branch, whose lanes would have to meet again.
    __device__ static void store_range(bool wanted, CandidateRange *to, const CandidateRange &range) {
        asm volatile(
            "{\n"
            ".reg .pred wanted;\n"
            "setp.ne.u32 wanted, %0, 0;\n"
            "@wanted st.global.v2.u32 [%1], {%2, %3};\n"
            "}" ::"r"(static_cast<uint32_t>(wanted)), "l"(to), "r"(range.first), "r"(range.count)
            : "memory");
    }

    // The same for a pair and for its place.
    __device__ static void store_pair(uint32_t wanted, CandidatePair *to, float a, float b) {
        asm volatile(
            "{\n"
            ".reg .pred wanted;\n"
            "setp.ne.u32 wanted, %0, 0;\n"
            "@wanted st.global.v2.f32 [%1], {%2, %3};\n"
            "}" ::"r"(wanted), "l"(to), "f"(a), "f"(b)
            : "memory");
    }
    __device__ static void store_place(uint32_t wanted, uint16_t *to, int32_t place) {
        asm volatile(
            "{\n"
            ".reg .pred wanted;\n"
            "setp.ne.u32 wanted, %0, 0;\n"
            "@wanted st.global.u16 [%1], %2;\n"
            "}" ::"r"(wanted), "l"(to), "h"(static_cast<uint16_t>(place))
            : "memory");
    }

    OfRows<uint32_t> pairs_;  // bit_of() each
    uint32_t count_;          // of the warp
    uint64_t first_ = 0;      // where they go; in the first lane
};

}  // namespace cce::cuda::sm90
