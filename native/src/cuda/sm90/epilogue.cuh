// From the products of a tile to its logits, in a unit that saves a multiplication each.
#pragma once

#include "cuda/fast_math.cuh"
#include "cuda/forward/logits.cuh"
#include "cuda/sm90/copy.cuh"
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
    kSegments,    // maxima of row segments, if there is a place for them
    kCandidates,  // both those and candidates
    kLogits,      // of the first classes
};

// What a kernel does, decided when it is compiled.
template <LogitKind kind, bool extras, Leaves leaves>
struct Options {
    static constexpr LogitKind kKind = kind;
    static constexpr bool kExtras = extras;  // argmax, entropy, sum of logits
    static constexpr bool kSegments = leaves == Leaves::kSegments || leaves == Leaves::kCandidates;
    static constexpr bool kCandidates = leaves == Leaves::kCandidates;
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

    // The same of values that lie in memory as they are wanted, without waiting for them; await() does. In place of
    // fill() and of the sync() behind it.
    __device__ void copy(const float *values, int32_t first_class, int32_t classes) const {
        for (int32_t column = threadIdx.x % kWarpgroup; column < kTileClasses; column += kWarpgroup) {
            const bool exists = first_class + column < classes;
            copy_4(shared_address(values_ + column), exists ? values + first_class + column : values, exists);
        }
    }
    __device__ void await() const {
        wait_for_copies();
        sync();
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

// What `apply` leaves, or the products themselves where it has nothing to do, times this are logits.
template <LogitKind kKind>
__device__ float unit_of(const LogitMap &map) {
    switch (kKind) {
        case LogitKind::kScaled: return map.inverse_temperature;
        case LogitKind::kCapped: return cap_unit(map);
        default: return 1.0f;
    }
}

// Fills in the biases, as `apply` wants them after await(). Where they are float32, they come while
// the dot products are computed.
template <LogitKind kKind>
__device__ void fill_biases(const LogitMap &map, int32_t first_class, int32_t classes, const ClassValues &values) {
    values.sync();
    if (kKind == LogitKind::kBiased && map.bias_dtype == CCE_F32) {
        values.copy(static_cast<const float *>(map.bias), first_class, classes);
        return;
    }
    values.fill(first_class, classes, [&](int32_t j) {
        return kKind == LogitKind::kCapped ? map.bias_of(j) * cap_factor(map) : map.bias_of(j);
    });
}

// Turns dot products into capped logits, kVotePairs pairs of columns at a time: the more, the better do instructions
// overlap, and the more registers they take. Where no lane of the warp has a large logit, without special functions.
// What becomes of a logit does not depend on the others.
template <int kVotePairs>
__device__ void cap(const LogitMap &map, const ClassValues &bias, float (&x)[kProducts][kProductSums]) {
    static_assert(kPairs % kVotePairs == 0);
    const float factor = cap_factor(map);
#pragma unroll
    for (int first = 0; first < kPairs; first += kVotePairs) {
        float s[kProducts][4 * kVotePairs];
        uint32_t bits = 0;  // that any of this thread's has
#pragma unroll
        for (int pair = 0; pair < kVotePairs; ++pair) {
            const float2 b = bias.at(first + pair);
#pragma unroll
            for (int p = 0; p < kProducts; ++p)
#pragma unroll
                for (int v = 0; v < 4; ++v) {
                    float &value = s[p][4 * pair + v];
                    value = fmaf(x[p][4 * (first + pair) + v], factor, v % 2 == 0 ? b.x : b.y);
                    bits |= __float_as_uint(value);
                }
        }
        const bool any_outer = __any_sync(kAllLanes, bits & kOuterBit);
#pragma unroll
        for (int p = 0; p < kProducts; ++p)
#pragma unroll
            for (int v = 0; v < 4 * kVotePairs; ++v) x[p][4 * first + v] = inner_tanh(s[p][v]);
        if (any_outer) {
#pragma unroll
            for (int p = 0; p < kProducts; ++p)
#pragma unroll
                for (int v = 0; v < 4 * kVotePairs; ++v)
                    if (is_outer(s[p][v])) x[p][4 * first + v] = outer_tanh(s[p][v]);
        }
    }
}

// Turns dot products into logits. kVotePairs: for `cap`.
template <LogitKind kKind, int kVotePairs>
__device__ void apply(const LogitMap &map, const ClassValues &bias, float (&x)[kProducts][kProductSums]) {
    if constexpr (kKind == LogitKind::kCapped) {
        cap<kVotePairs>(map, bias, x);
    } else {
#pragma unroll
        for (int pair = 0; pair < kPairs; ++pair) {
            const float2 b = bias.at(pair);
#pragma unroll
            for (int p = 0; p < kProducts; ++p)
#pragma unroll
                for (int u = 0; u < 2; ++u) {
                    float *z = &x[p][4 * pair + 2 * u];
                    z[0] = (z[0] + b.x) * map.inverse_temperature;
                    z[1] = (z[1] + b.y) * map.inverse_temperature;
                }
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
