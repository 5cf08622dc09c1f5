// Logits that forward keeps for backward, which then need not compute them again. In 16 bits, how far each lies below
// the largest of its position in its tile: the classes that have a share in the gradient have small codes, and a step
// is as fine for a large logit as for a small one.
//
// Without a softcap, a step is 2^-11, and the last code stands for all that lie e^-32 or more below, which are as good
// as 0. With one, the codes take in all that two logits can differ by, since the logit of a target tells dz/dx however
// small its probability.
#pragma once

#include "common/state.h"
#include "cuda/logit.cuh"

namespace cce::cuda {

struct KeptLogits {
    static constexpr int32_t kLastCode = 65535;
    static constexpr double kMostSoftcap = 64.0;  // of softcap / temperature, for steps that are small enough

    uint16_t *codes;  // as State::kept_logits; NULL: none are kept
    float *maxima;    // as State::kept_maxima
    int64_t rows;     // R
    int64_t classes;  // the first ones, that are kept
    float step;
    float inverse_step;

    static KeptLogits of(const Problem &p, const LogitMap &map, const State &state) {
        const float range = map.capped ? 2.0f * map.cap_scale : kLastCode * 0x1p-11f;
        const int64_t classes = State::kept_classes(p);
        return {state.kept_logits, state.kept_maxima, p.rows, classes, range / kLastCode, kLastCode / range};
    }

    // Whether there are exact gradients to keep them for: those of bf16, which alone kept_dz is for.
    static bool apply(const Problem &p) {
        return p.spec.dtype == CCE_BF16 && p.spec.gradients != 0 && p.spec.filter_embeddings == 0.0 &&
               p.spec.filter_classifier == 0.0 && p.spec.label_smoothing == 0.0 &&
               p.spec.softcap / p.spec.temperature <= kMostSoftcap;
    }

    // Two codes, of logits that lie so far below the largest. A NaN, as -inf - -inf, has the last one.
    __device__ uint32_t encode(float first, float second) const {
        return __byte_perm(place(first), place(second), 0x5410);
    }

private:
    // The code, in the last 16 bits of a float whose unit is 1.
    __device__ uint32_t place(float below) const {
        constexpr float kUnits = 0x1p23f;
        return __float_as_uint(fminf(fmaf(below, inverse_step, kUnits), kUnits + kLastCode));
    }
};

}  // namespace cce::cuda
