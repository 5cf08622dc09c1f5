// What happens to a tile of products while it lies in L1. Lanes are tokens, so every statistic of a token is a lane's
// own and nothing is ever summed across lanes, but for the bias gradient.
#pragma once

#include "cpu/kernels/math.h"
#include "cpu/kernels/pack.h"

namespace cce::cpu::CCE_FAMILY {

struct Logit {
    Floats value;
    Floats derivative;
};

template <bool kSoftcap>
CCE_INLINE Logit transform_logit(Floats product, float bias, const LogitTransform &t) {
    const Floats u = product + bias;
    if constexpr (!kSoftcap) return {u * t.inverse_temperature, splat(t.inverse_temperature)};
    const Tanh tanh = hyperbolic_tangent(u * t.inverse_softcap);
    return {(tanh.value * t.softcap) * t.inverse_temperature, tanh.derivative * t.inverse_temperature};
}

// Numbers of the tile's rows that are the targets of `lanes`; -1 where the target is elsewhere.
CCE_INLINE Ints target_rows(const int64_t *targets, int64_t first_class, int32_t rows) {
    Ints found;
    for (int i = 0; i < kLanes; ++i) {
        const int64_t row = targets[i] - first_class;
        found[i] = row >= 0 && row < rows ? static_cast<int32_t>(row) : -1;
    }
    return found;
}

template <bool kSoftcap>
CCE_INLINE void forward_lanes(const ForwardTile &t, int at) {
    constexpr float kFarBelow = -200.0f;  // exp of it is 0; keeps 0 * -infinity out of the entropy
    float *column = t.tile + at;
    Floats highest = load(t.maximum + at);
    const Floats before = highest;
    for (int32_t j = 0; j < t.rows; ++j) {
        const Floats z = transform_logit<kSoftcap>(load(column + j * kPanel), t.bias[j], t.transform).value;
        store(column + j * kPanel, z);
        highest = maximum(z, highest);
    }
    store(t.maximum + at, highest);

    // The tile's own sum first, then a compensated addition: a segment may have millions of classes.
    const Floats rescale = exponential(before - highest);
    const Floats old_sum = load(t.sum + at) * rescale;
    Floats sum = {};
    if (t.entropy != nullptr) {
        const Floats shift = maximum(before - highest, splat(kFarBelow));
        const Floats old_entropy = load(t.entropy + at) * rescale + old_sum * shift;
        Floats entropy = {};
        for (int32_t j = 0; j < t.rows; ++j) {
            const Floats shifted = load(column + j * kPanel) - highest;
            const Floats e = exponential(shifted);
            sum += e;
            entropy += e * maximum(shifted, splat(kFarBelow));
        }
        store(t.entropy + at, old_entropy + entropy);
    } else {
        for (int32_t j = 0; j < t.rows; ++j) sum += exponential(load(column + j * kPanel) - highest);
    }
    const Floats new_sum = old_sum + sum;
    const Floats lost = old_sum > sum ? (old_sum - new_sum) + sum : (sum - new_sum) + old_sum;
    store(t.sum + at, new_sum);
    store(t.sum_rest + at, load(t.sum_rest + at) * rescale + lost);

    if (t.weights != nullptr) {
        Floats weighted = {};
        for (int32_t j = 0; j < t.rows; ++j) weighted += t.weights[j] * load(column + j * kPanel);
        store(t.weighted + at, load(t.weighted + at) + weighted);
    }
    if (t.best != nullptr) {
        Floats best = load(column);
        Ints row = {};
        for (int32_t j = 1; j < t.rows; ++j) {
            const Floats z = load(column + j * kPanel);
            const Ints better = (z > best) | ((z != z) & (best == best));  // NaN counts as the largest
            best = better ? z : best;
            row = better ? splat(j) : row;
        }
        for (int i = 0; i < kLanes; ++i) {
            const float old = t.best[at + i];
            if (t.best_class[at + i] >= 0 && !(best[i] > old || (best[i] != best[i] && old == old))) continue;
            t.best[at + i] = best[i];
            t.best_class[at + i] = t.first_class + row[i];
        }
    }
    if (t.targets != nullptr)
        for (int i = 0; i < kLanes; ++i) {
            const int64_t row = t.targets[at + i] - t.first_class;
            if (row >= 0 && row < t.rows) t.target_logit[at + i] = column[row * kPanel + i];
        }
}

void forward_tile(const ForwardTile &t) {
    for (int v = 0; v < t.vectors; ++v)
        if (t.transform.softcap > 0.0f)
            forward_lanes<true>(t, v * kLanes);
        else
            forward_lanes<false>(t, v * kLanes);
}

template <bool kSoftcap>
CCE_INLINE LiveGroups gradient_lanes(const GradientTile &t, int at) {
    const Floats lse = load(t.tokens.lse + at);
    const Floats alpha = load(t.tokens.alpha + at);
    const Floats beta = load(t.tokens.beta + at);
    const Floats gamma = load(t.tokens.gamma + at);
    const Ints target = target_rows(t.tokens.targets + at, t.first_class, t.rows);
    LiveGroups live = {};
    for (int32_t from = 0; from < t.rows; from += kGroup) {
        const int32_t to = t.rows - from < kGroup ? t.rows : from + kGroup;
        Ints nonzero = {}, second_nonzero = {};
        for (int32_t j = from; j < to; ++j) {
            float *entry = t.tile + j * kPanel + at;
            const Logit z = transform_logit<kSoftcap>(load(entry), t.bias[j], t.transform);
            const Floats p = exponential(z.value - lse);
            const Ints here = target == splat(j);
            const Floats constant = (here ? beta : Floats{}) + gamma * t.weights[j];
            const Floats kept = (p < t.threshold) & ~here ? Floats{} : p;
            const Floats gradient = (alpha * kept - constant) * z.derivative;
            store(entry, gradient);
            nonzero |= gradient != 0.0f;
            if (t.second == nullptr) continue;
            const Floats second_kept = (p < t.second_threshold) & ~here ? Floats{} : p;
            const Floats second_gradient = (alpha * second_kept - constant) * z.derivative;
            store(t.second + j * kPanel + at, second_gradient);
            second_nonzero |= second_gradient != 0.0f;
        }
        live.tile |= static_cast<uint32_t>(any(nonzero)) << (from / kGroup);
        live.second |= static_cast<uint32_t>(any(second_nonzero)) << (from / kGroup);
    }
    return live;
}

LiveGroups gradient_tile(const GradientTile &t) {
    LiveGroups live = {};
    for (int v = 0; v < t.vectors; ++v) {
        const LiveGroups lanes = t.transform.softcap > 0.0f ? gradient_lanes<true>(t, v * kLanes)
                                                            : gradient_lanes<false>(t, v * kLanes);
        live.tile |= lanes.tile;
        live.second |= lanes.second;
    }
    return live;
}

template <bool kSoftcap>
CCE_INLINE void dropped_lanes(const DroppedTile &t, int at) {
    const Floats lse = load(t.lse + at);
    const Ints target = target_rows(t.targets + at, t.first_class, t.rows);
    Floats dropped = {}, second_dropped = {};
    for (int32_t j = 0; j < t.rows; ++j) {
        const Floats z = transform_logit<kSoftcap>(load(t.tile + j * kPanel + at), t.bias[j], t.transform).value;
        const Floats p = target == splat(j) ? Floats{} : exponential(z - lse);
        dropped += p < t.threshold ? p : Floats{};
        second_dropped += p < t.second_threshold ? p : Floats{};
    }
    store(t.dropped + at, load(t.dropped + at) + dropped);
    store(t.second_dropped + at, load(t.second_dropped + at) + second_dropped);
}

void dropped_tile(const DroppedTile &t) {
    for (int v = 0; v < t.vectors; ++v)
        if (t.transform.softcap > 0.0f)
            dropped_lanes<true>(t, v * kLanes);
        else
            dropped_lanes<false>(t, v * kLanes);
}

void add_row_sums(const float *tile, int32_t rows, int32_t vectors, float *sums) {
    for (int32_t j = 0; j < rows; ++j) {
        Floats sum = {};
        for (int v = 0; v < vectors; ++v) sum += load(tile + j * kPanel + v * kLanes);
        sums[j] += sum_lanes(sum);
    }
}

void lane_dots(const Rows &tokens, const Rows &classes, int64_t count, const LogitTransform &transform, float *scratch,
               float *bias) {
    float *a = scratch, *b = scratch + tokens.width * kPanel;
    pack_tokens(tokens, count, a);
    pack_tokens(classes, count, b);
    for (int at = 0; at < kPanel; at += kLanes) {
        Floats sum = {};
        for (int64_t k = 0; k < tokens.width; ++k) sum += load(a + k * kPanel + at) * load(b + k * kPanel + at);
        const Floats u = sum + load(bias + at);
        store(bias + at, transform.softcap > 0.0f ? transform_logit<true>(u, 0.0f, transform).value
                                                  : transform_logit<false>(u, 0.0f, transform).value);
    }
}

}  // namespace cce::cpu::CCE_FAMILY
