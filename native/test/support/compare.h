// Results beside their float64 reference.
#pragma once

#include "support/reference.h"

namespace cce::test {

// What forward writes. An array that was not asked for is empty.
struct ForwardResults {
    Array loss, lse, target_logit, entropy;
    Buffer argmax;

    // Makes room for all of them.
    void resize(const Case &c);
    cce_outputs outputs();
    bool intact() const;
};

bool same_bits(const ForwardResults &a, const ForwardResults &b);

void compare_forward(const Case &c, const ForwardResults &got, const Reference &expected);

// An lse or a logit of every position.
void compare_logits(const char *what, const Array &got, const std::vector<double> &values, const Reference &expected);

// Entry by entry: |got - expected| <= tolerance * (1 + |expected|).
void compare_each(const char *what, const Array &got, const std::vector<double> &expected, double tolerance);

// Relative in the norm. Of terms that cancel to almost nothing (all of them with V = 1) float32 leaves its rounding:
// `sizes` are the sums of their magnitudes.
void compare_norm(const char *what, const Array &got, const std::vector<double> &expected, double tolerance,
                  const std::vector<double> &sizes);

}  // namespace cce::test
