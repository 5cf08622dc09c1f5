// From the products of a tile to its logits.
#pragma once

#include "cuda/fast_math.cuh"
#include "cuda/forward/logits.cuh"
#include "cuda/sm90/wgmma.cuh"

namespace cce::cuda::sm90 {

// What a kernel does beyond the sums of a scaled dot product, decided when it is compiled.
template <bool general, bool extras, bool segments>
struct Options {
    static constexpr bool kGeneral = general;    // bias and softcap
    static constexpr bool kExtras = extras;      // argmax, entropy, sum of logits
    static constexpr bool kSegments = segments;  // maxima of row segments, if there is a place for them
};

// Column of a thread's products: p counts pairs of neighbours.
__device__ inline int32_t pair_column(int p) { return 8 * p + 2 * (threadIdx.x % 4); }
constexpr int kPairs = kProductSums / 4;

// A value of each class of the block, six of them a lane.
struct ClassValues {
    float of_lane[kTileClasses / kWarp];

    // `value_of(j)` for the classes that exist, else 0.
    template <typename ValueOf>
    __device__ static ClassValues of(int32_t first_class, int32_t classes, ValueOf value_of) {
        ClassValues values;
#pragma unroll
        for (int k = 0; k < kTileClasses / kWarp; ++k) {
            const int32_t j = first_class + k * kWarp + static_cast<int32_t>(threadIdx.x) % kWarp;
            values.of_lane[k] = j < classes ? value_of(j) : 0.0f;
        }
        return values;
    }

    // That of column v of pair p of this thread.
    __device__ float at(int p, int v) const {
        constexpr int kPairsAtOnce = kWarp / 8;
        return __shfl_sync(kAllLanes, of_lane[p / kPairsAtOnce], pair_column(p % kPairsAtOnce) + v);
    }
};

// No exponential of what lies beyond the vocabulary.
__device__ inline void clear_absent(int32_t first_class, int32_t classes, float (&sums)[kProductSums]) {
#pragma unroll
    for (int p = 0; p < kPairs; ++p)
#pragma unroll
        for (int v = 0; v < 2; ++v)
            if (first_class + pair_column(p) + v >= classes) sums[4 * p + v] = sums[4 * p + 2 + v] = -INFINITY;
}

// Turns dot products into logits.
__device__ inline void apply(const LogitMap &map, const ClassValues &bias, float (&sums)[kProductSums]) {
#pragma unroll
    for (int p = 0; p < kPairs; ++p)
#pragma unroll
        for (int v = 0; v < 2; ++v) {
            const float b = bias.at(p, v);
            sums[4 * p + v] = fast_logit(map, sums[4 * p + v] + b);
            sums[4 * p + 2 + v] = fast_logit(map, sums[4 * p + 2 + v] + b);
        }
}

// The differences to subtract: an infinite maximum would turn -inf - -inf into NaN.
__device__ inline float finite(float max) { return max == -INFINITY ? 0.0f : max; }

// The largest of row u of a 64-row product.
__device__ inline float row_max(const float (&sums)[kProductSums], int u) {
    float max = max_or_nan(sums[2 * u], sums[2 * u + 1]);
#pragma unroll
    for (int p = 1; p < kPairs; ++p) max = max_or_nan(max, max_or_nan(sums[4 * p + 2 * u], sums[4 * p + 2 * u + 1]));
    return max;
}

}  // namespace cce::cuda::sm90
