// A cce_problem after validation, with everything derived from it that kernels need.
#pragma once

#include "cce.h"

namespace cce {

struct Problem {
    cce_problem spec;          // as the caller gave it, AUTO filters replaced by their number
    int64_t tokens;            // B * T, rows of E
    int64_t rows;              // R = B * (T - k), predicted positions
    int64_t row_time;          // T - k, predicted positions of one sequence
    uint64_t fingerprint;      // of everything that a state depends on
    int64_t candidate_pairs;   // that forward may leave in the state (State::candidates); its backend says

    // Row of E that position r reads, and entry of y (and t) that it predicts.
    int64_t token_of(int64_t r) const { return r / row_time * spec.time + r % row_time; }
    int64_t target_of(int64_t r) const { return token_of(r) + spec.shift; }
};

// Validates and derives. Fails with CCE_ERROR_INVALID_ARGUMENT, naming field and value.
int32_t resolve(const cce_problem *problem, Problem *resolved);

// Copies a caller's struct that may be older and shorter than ours; what it lacks is zero.
int32_t copy_sized(const void *from, void *to, int64_t size, int64_t oldest, const char *name);

template <typename T>
int32_t copy_struct(const T *from, T *to, const char *name) {
    return copy_sized(from, to, static_cast<int64_t>(sizeof(T)), static_cast<int64_t>(sizeof(T)), name);
}

int64_t dtype_bytes(int32_t dtype);

constexpr int64_t kAlignment = 256;
constexpr int64_t align_up(int64_t bytes) { return (bytes + kAlignment - 1) / kAlignment * kAlignment; }
constexpr int64_t div_up(int64_t a, int64_t b) { return (a + b - 1) / b; }

}  // namespace cce
