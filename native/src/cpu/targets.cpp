#include "cpu/targets.h"

namespace cce::cpu {

int64_t target_at(const Problem &p, const cce_inputs &in, int64_t row) {
    const int64_t at = p.target_of(row);
    return p.spec.target_dtype == CCE_I32 ? static_cast<const int32_t *>(in.targets)[at]
                                          : static_cast<const int64_t *>(in.targets)[at];
}

StateHeader find_positions(const Problem &p, const cce_inputs &in, int64_t *valid_rows) {
    StateHeader found = {};
    found.bad_row = -1;
    for (int64_t row = 0; row < p.rows; ++row) {
        if (in.targets != nullptr) {
            const int64_t target = target_at(p, in, row);
            if (target == p.spec.ignore_index) continue;
            if (target < 0 || target >= p.spec.classes) {
                if (found.bad_row < 0) {
                    found.bad_row = row;
                    found.bad_target = target;
                }
                continue;
            }
        }
        valid_rows[found.valid++] = row;
    }
    return found;
}

double class_weight_sum(const Problem &p, const cce_inputs &in) {
    if (in.class_weights == nullptr) return static_cast<double>(p.spec.classes);
    double sum = 0.0;
    for (int64_t j = 0; j < p.spec.classes; ++j) sum += static_cast<const float *>(in.class_weights)[j];
    return sum;
}

double divisor(const Problem &p, const cce_inputs &in, const int64_t *valid_rows, int64_t valid) {
    if (p.spec.reduction != CCE_REDUCTION_MEAN) return 1.0;
    double sum = 0.0;
    for (int64_t i = 0; i < valid; ++i) {
        const int64_t row = valid_rows[i];
        sum += static_cast<double>(token_weight(p, in, row)) * class_weight(in, target_at(p, in, row));
    }
    return sum;
}

}  // namespace cce::cpu
