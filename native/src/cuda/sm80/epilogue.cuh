// From the sums of a tile to what is kept of its logits, in registers. A thread has 16 classes of each of 8 positions.
#pragma once

#include "cuda/fast_math.cuh"
#include "cuda/forward/online_lse.cuh"
#include "cuda/forward/sweep.cuh"
#include "cuda/sm80/tile.cuh"

namespace cce::cuda::sm80 {

// Of the forward pass.
constexpr int kClassTile = 256;
constexpr int kClassBlocks = Across<kClassTile>::kBlocks;
using Sums = TileSums<kClassTile>;
__device__ inline int tile_class(int n, int v) { return Across<kClassTile>::class_of(n, v); }

// What instances of the kernel are compiled for.
enum class Epilogue {
    kScaled,  // logits are multiples of the dot products
    kBiased,  // a bias, no softcap
    kCapped,  // a softcap, perhaps with a bias
    kExtras,  // any of these, with the entropy's sums, the weighted sum and the argmax
};

// Values that the epilogue sees, in terms of logits: the dot products themselves where logits are multiples of those.
template <Epilogue kEpilogue>
__device__ float unit_of(const LogitMap &map) {
    return kEpilogue == Epilogue::kScaled ? map.inverse_temperature : 1.0f;
}

// The value of a dot product.
template <Epilogue kEpilogue>
__device__ float value_of(const LogitMap &map, float dot, float bias) {
    switch (kEpilogue) {
        case Epilogue::kBiased: return (dot + bias) * map.inverse_temperature;
        case Epilogue::kCapped: return fast_capped(map, dot + bias);
        case Epilogue::kExtras: return fast_logit(map, dot + bias);
        default: return dot;
    }
}

// Makes values of the sums; -inf for classes that do not exist.
template <Epilogue kEpilogue>
__device__ void make_values(Sums &sums, const Logits &logits, int64_t first_class) {
    const bool whole = first_class + kClassTile <= logits.classes;
    if (kEpilogue == Epilogue::kScaled && whole) return;
#pragma unroll
    for (int n = 0; n < kClassBlocks; ++n)
#pragma unroll
        for (int v = 0; v < 2; ++v) {
            const int64_t j = first_class + tile_class(n, v);
            const bool exists = j < logits.classes;
            const float bias = kEpilogue != Epilogue::kScaled && exists ? logits.map.bias_of(j) : 0.0f;
#pragma unroll
            for (int m = 0; m < kRowBlocks; ++m)
#pragma unroll
                for (int u = 0; u < 2; ++u) {
                    float &value = sums[m][n][2 * u + v];
                    value = exists ? value_of<kEpilogue>(logits.map, value, bias) : -INFINITY;
                }
        }
}

__device__ inline float row_max(const Sums &values, int m, int u) {
    float max = max_or_nan(values[m][0][2 * u], values[m][0][2 * u + 1]);
#pragma unroll
    for (int n = 1; n < kClassBlocks; ++n)
        max = max_or_nan(max, max_or_nan(values[m][n][2 * u], values[m][n][2 * u + 1]));
    return max;
}

// What this thread's classes leave of each of its positions. The maxima and sums are kept apart in the four threads
// that share a position until the run ends.
class RowSums {
public:
    __device__ RowSums() {
#pragma unroll
        for (int m = 0; m < kRowBlocks; ++m)
#pragma unroll
            for (int u = 0; u < 2; ++u) {
                max_[m][u] = -INFINITY;
                sum_[m][u] = 0.0f;
            }
    }

    __device__ void start_tile(const Logits &, int64_t, bool) {}

    // Adds the values of a tile, whose largest is given. A value times `unit` is a logit.
    __device__ void add(const Sums &values, int m, int u, float tile_max, float unit) {
        const float scale = unit * kLog2E;
        const float max = max_or_nan(max_[m][u], tile_max);
        const float shift = max == -INFINITY ? 0.0f : -max * scale;  // -inf - -inf would be NaN
        float even = sum_[m][u] * fast_exp2(fmaf(max_[m][u], scale, shift));
        float odd = 0.0f;
#pragma unroll
        for (int n = 0; n < kClassBlocks; ++n) {
            even += fast_exp2(fmaf(values[m][n][2 * u], scale, shift));
            odd += fast_exp2(fmaf(values[m][n][2 * u + 1], scale, shift));
        }
        max_[m][u] = max;
        sum_[m][u] = even + odd;
    }

    // The position's in all four threads.
    __device__ OnlineLse whole(int m, int u, float unit) const {
        OnlineLse part = OnlineLse::nothing();
        part.max = max_[m][u] * unit;
        part.sum = sum_[m][u];
        return merge_lanes<4>(part);
    }

private:
    float max_[kRowBlocks][2];
    float sum_[kRowBlocks][2];
};

// The same with extras. Too much for every thread to keep: the four merge each tile's, and thread t keeps those of
// positions (t, u).
class RowExtraSums {
public:
    __device__ RowExtraSums() : kept_{OnlineLse::nothing(), OnlineLse::nothing()} {}

    __device__ void start_tile(const Logits &logits, int64_t first_class, bool smoothing) {
        first_class_ = first_class;
#pragma unroll
        for (int n = 0; n < kClassBlocks; ++n)
#pragma unroll
            for (int v = 0; v < 2; ++v) {
                const int64_t j = first_class + tile_class(n, v);
                weights_[n][v] = smoothing && j < logits.classes ? logits.batch.class_weight(j) : 0.0f;
            }
    }

    __device__ void add(const Sums &values, int m, int u, float, float) {
        OnlineLse part = OnlineLse::nothing();
#pragma unroll
        for (int n = 0; n < kClassBlocks; ++n)
#pragma unroll
            for (int v = 0; v < 2; ++v) {
                const float z = values[m][n][2 * u + v];
                if (n + v > 0 && !beats(z, part.max)) continue;
                part.max = z;
                part.argmax = first_class_ + tile_class(n, v);
            }
        const float shift = part.max == -INFINITY ? 0.0f : part.max;  // -inf - -inf would be NaN
#pragma unroll
        for (int n = 0; n < kClassBlocks; ++n)
#pragma unroll
            for (int v = 0; v < 2; ++v) {
                const float z = values[m][n][2 * u + v];
                const float e = fast_exp2((z - shift) * kLog2E);
                part.sum += e;
                part.centred += e == 0.0f ? 0.0f : e * (z - shift);
                part.weighted += weights_[n][v] == 0.0f ? 0.0f : weights_[n][v] * z;
            }
        part = merge_lanes<4>(part);
        if (lane_of() % 4 == m) kept_[u] = merge(kept_[u], part);
    }

    // The position's in thread m of the four.
    __device__ OnlineLse whole(int, int u, float) const { return kept_[u]; }

private:
    OnlineLse kept_[2];
    int64_t first_class_;
    float weights_[kClassBlocks][2];  // 0 where the sum over classes is not wanted or the class does not exist
    static_assert(kRowBlocks == 4, "each of four threads keeps the positions of one block");
};

}  // namespace cce::cuda::sm80
