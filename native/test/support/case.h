// A problem with its inputs on the host.
#pragma once

#include <string>
#include <vector>

#include "support/array.h"

namespace cce::test {

struct Case {
    cce_problem spec = {};
    bool has_bias = false, has_class_weights = false, has_token_weights = false;
    bool has_grad_loss = false, has_grad_lse = false;
    bool sweep_in_tf32 = false;  // whether the kernels under test make use of spec.allow_tf32
    Array embeddings, classifier, bias, class_weights, token_weights, grad_loss, grad_lse;
    std::vector<int64_t> targets;
    Buffer target_buffer;

    // Every array but the targets: embeddings of about 1, classifier entries of about `spread`.
    void fill(double spread);
    // Brings `targets` into the target dtype; to be called after every change of them.
    void store_targets();
    cce_inputs inputs() const;

    int64_t tokens() const { return spec.batch * spec.time; }
    int64_t rows() const { return spec.batch * (spec.time - spec.shift); }
    int64_t token_of(int64_t row) const {
        const int64_t row_time = spec.time - spec.shift;
        return row / row_time * spec.time + row % row_time;
    }
    int64_t target_of(int64_t row) const { return token_of(row) + spec.shift; }
    int64_t target(int64_t row) const { return targets[target_of(row)]; }
    bool ignored(int64_t row) const {
        const int64_t y = target(row);
        return y == spec.ignore_index || y < 0 || y >= spec.classes;
    }
    int64_t valid() const;
    double class_weight(int64_t j) const { return has_class_weights ? class_weights.get(j) : 1.0; }
    double token_weight(int64_t row) const { return has_token_weights ? token_weights.get(target_of(row)) : 1.0; }
};

void randomize(Array *array, int64_t count, int32_t dtype, double scale, bool positive = false);

std::string describe(const Case &c);

}  // namespace cce::test
