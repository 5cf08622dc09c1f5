// What cce.h says, in float64 and with all logits stored.
#pragma once

#include <vector>

#include "support/case.h"

namespace cce::test {

struct Reference {
    std::vector<double> loss, lse, target_logit, entropy;
    std::vector<double> logit_size;  // (R) the largest sum_d |E[i,d] C[j,d]| + |b[j]|, over the temperature
    std::vector<double> loss_size;   // the sums of the magnitudes of what the losses are differences of
    std::vector<double> logits;      // (R, V), 0 where ignored
    std::vector<int64_t> argmax;
    double divisor = 0;              // of the mean; 1 for sum and none
};

// The rounding errors of a float32 sum of products, as a share of those of one number of its size.
constexpr double kSlackOfSums = 0.125;

// A target that is out of range counts as ignored.
Reference compute(const Case &c);

struct GradientReference {
    std::vector<double> de, dc, db;
    std::vector<double> de_size, dc_size, db_size;  // the sums of the magnitudes of the gradients' terms
    double report[CCE_REPORT_LENGTH] = {};
    bool borderline = false;  // an entry or a mean so near to its limit that rounding decides
};

GradientReference compute_gradients(const Case &c, const Reference &forward);

}  // namespace cce::test
