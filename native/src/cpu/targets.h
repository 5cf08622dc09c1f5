// Reads the targets and decides which positions count, before anything is read through a target.
#pragma once

#include "common/state.h"

namespace cce::cpu {

int64_t target_at(const Problem &p, const cce_inputs &in, int64_t row);

// Fills `valid_rows` (R) with the positions that are neither ignored nor out of range, ascending, and says in the
// header's `valid`, `bad_row` and `bad_target` what it found. Without targets every position counts.
StateHeader find_positions(const Problem &p, const cce_inputs &in, int64_t *valid_rows);

// sum_j w[j], V without class weights.
double class_weight_sum(const Problem &p, const cce_inputs &in);

// What the mean divides by; 1 for the other reductions.
double divisor(const Problem &p, const cce_inputs &in, const int64_t *valid_rows, int64_t valid);

inline float class_weight(const cce_inputs &in, int64_t target) {
    return in.class_weights != nullptr ? static_cast<const float *>(in.class_weights)[target] : 1.0f;
}

inline float token_weight(const Problem &p, const cce_inputs &in, int64_t row) {
    return in.token_weights != nullptr ? static_cast<const float *>(in.token_weights)[p.target_of(row)] : 1.0f;
}

}  // namespace cce::cpu
