// What belongs to a position r: its row of E, its target and its weights.
#pragma once

#include <cuda_runtime.h>

#include "common/problem.h"

namespace cce::cuda {

struct Batch {
    int64_t time;
    int64_t row_time;
    int64_t shift;
    int64_t classes;
    int64_t ignore_index;
    const void *targets;  // NULL: every position counts, and none has a target
    bool wide_targets;    // int64, else int32
    const float *class_weights;
    const float *token_weights;

    static Batch of(const Problem &p, const cce_inputs &in) {
        return {p.spec.time,
                p.row_time,
                p.spec.shift,
                p.spec.classes,
                p.spec.ignore_index,
                in.targets,
                p.spec.target_dtype == CCE_I64,
                static_cast<const float *>(in.class_weights),
                static_cast<const float *>(in.token_weights)};
    }

    // As Problem::token_of and Problem::target_of.
    __device__ int64_t token(int64_t r) const { return r / row_time * time + r % row_time; }
    __device__ int64_t entry(int64_t r) const { return token(r) + shift; }

    __device__ int64_t target(int64_t r) const {
        return wide_targets ? static_cast<const int64_t *>(targets)[entry(r)]
                            : static_cast<const int32_t *>(targets)[entry(r)];
    }
    __device__ bool is_bad(int64_t target) const {
        return target != ignore_index && (target < 0 || target >= classes);
    }
    // Neither ignored nor bad.
    __device__ bool is_class(int64_t target) const { return target != ignore_index && !is_bad(target); }
    __device__ bool counts(int64_t r) const { return targets == nullptr || is_class(target(r)); }

    __device__ float class_weight(int64_t j) const { return class_weights == nullptr ? 1.0f : class_weights[j]; }
    __device__ float token_weight(int64_t r) const { return token_weights == nullptr ? 1.0f : token_weights[entry(r)]; }
};

}  // namespace cce::cuda
