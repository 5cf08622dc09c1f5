// The largest logit of each position in each segment of neighbouring classes, in 8 bits: it tells backward which
// segments hold nothing above its filters, without their logits. Relative to the target's logit, which no lse is below:
// an entry p >= eps has z >= lse + log eps >= z[y] + log eps. After a sweep in TF32 all this is true of the logits that
// it had: those of backward, in float32, may exceed a bound by what cce.h says of allow_tf32.
#pragma once

#include <algorithm>
#include <cmath>

#include "common/state.h"

namespace cce::cuda {

constexpr float kStepsPerNat = 8.0f;

struct SegmentMaxima {
    uint8_t *codes;  // code of segment s and counting position i at s * pitch + i; NULL: not wanted
    int64_t pitch;
    float offset;    // log of the smallest filter threshold, less a margin for the rounding of logits

    static SegmentMaxima of(const Problem &p, const State &state) {
        constexpr double kMargin = 0x1p-8;
        const double a = p.spec.filter_embeddings;
        const double b = p.spec.filter_classifier;
        const double least = a > 0.0 && b > 0.0 ? std::min(a, b) : std::max(a, b);
        return {state.segment_codes, State::segment_pitch(p), static_cast<float>(std::log(least) - kMargin)};
    }

    // The least logit that may be kept, all in all.
    __device__ float least(float target) const { return target + offset; }

    // Rounded up: max <= target + offset + code / kStepsPerNat, unless the code is 255, which means "or more, or NaN".
    __device__ uint8_t encode(float max, float target) const {
        const float steps = (max - target - offset) * kStepsPerNat;
        if (!(steps <= 255.0f)) return 255;
        return steps > 0.0f ? static_cast<uint8_t>(ceilf(steps)) : uint8_t{0};
    }
};

// The smallest code of a segment that may hold an entry p >= eps, which has z >= lse + log eps. The margin of the
// codes' offset covers logits that were computed in another order.
__device__ inline uint8_t least_live_code(float lse, float target) {
    const float steps = (lse - target) * kStepsPerNat;
    if (!(steps <= 254.0f)) return 255;
    return steps > 1.0f ? static_cast<uint8_t>(ceilf(steps)) : uint8_t{1};
}

}  // namespace cce::cuda
