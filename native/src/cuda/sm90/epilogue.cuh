// From the products of a tile to its logits.
#pragma once

#include "cuda/fast_math.cuh"
#include "cuda/forward/logits.cuh"
#include "cuda/sm90/warpgroup_rows.cuh"

namespace cce::cuda::sm90 {

// What makes logits of dot products.
enum class LogitKind {
    kScaled,  // a temperature alone, which only scales the sums' unit
    kBiased,
    kCapped,  // a softcap, perhaps with a bias
};

// What a sweep leaves for backward besides lse.
enum class Leaves {
    kNothing,
    kSegments,  // maxima of row segments, if there is a place for them
    kLogits,    // of the first classes
};

// What a kernel does, decided when it is compiled.
template <LogitKind kind, bool extras, Leaves leaves>
struct Options {
    static constexpr LogitKind kKind = kind;
    static constexpr bool kExtras = extras;  // argmax, entropy, sum of logits
    static constexpr bool kSegments = leaves == Leaves::kSegments;
    static constexpr bool kLogits = leaves == Leaves::kLogits;
};

// A value of each class of the block, in shared memory of one consumer warpgroup.
class ClassValues {
public:
    __device__ ClassValues(Shared &shared, int32_t group) : values_(shared.class_values[group]), group_(group) {}

    // Waits for the warpgroup: what was filled in can be read, or what was read be filled anew.
    __device__ void sync() const {
        sync_warpgroup(consumer_barrier(group_));
    }

    // `value_of(j)` for the classes that exist, else 0. Between two sync().
    template <typename ValueOf>
    __device__ void fill(int32_t first_class, int32_t classes, ValueOf value_of) const {
        for (int32_t column = threadIdx.x % kWarpgroup; column < kTileClasses; column += kWarpgroup) {
            const int32_t j = first_class + column;
            values_[column] = j < classes ? value_of(j) : 0.0f;
        }
    }

    // Those of the columns of pair p of this thread.
    __device__ float2 at(int p) const { return *reinterpret_cast<const float2 *>(values_ + pair_column(p)); }

    __device__ float of_column(int32_t column) const { return values_[column]; }

private:
    float *values_;
    int32_t group_;
};

// No exponential of what lies beyond the vocabulary.
__device__ inline void clear_absent(int32_t first_class, int32_t classes, float (&sums)[kProductSums]) {
#pragma unroll
    for (int p = 0; p < kPairs; ++p)
#pragma unroll
        for (int v = 0; v < 2; ++v)
            if (first_class + pair_column(p) + v >= classes) sums[4 * p + v] = sums[4 * p + 2 + v] = -INFINITY;
}

// The logit of a dot product.
template <LogitKind kKind>
__device__ float logit(const LogitMap &map, float x) {
    return kKind == LogitKind::kCapped ? map.cap_scale * fast_tanh(x * map.inverse_softcap)
                                       : x * map.inverse_temperature;
}

// Turns dot products into logits.
template <LogitKind kKind>
__device__ void apply(const LogitMap &map, const ClassValues &bias, float (&x)[kProducts][kProductSums]) {
#pragma unroll
    for (int pair = 0; pair < kPairs; ++pair) {
        const float2 b = bias.at(pair);
#pragma unroll
        for (int p = 0; p < kProducts; ++p)
#pragma unroll
            for (int u = 0; u < 2; ++u) {
                float *z = &x[p][4 * pair + 2 * u];
                z[0] = logit<kKind>(map, z[0] + b.x);
                z[1] = logit<kKind>(map, z[1] + b.y);
            }
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
