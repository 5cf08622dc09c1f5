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

// How far a gradient may be off, in the norm, besides what rounding leaves of terms that cancel.
struct GradientTolerance {
    double relative;     // as a share of the gradient's norm
    double of_dz = 0.0;  // the relative rounding error of each of its terms
    bool kept = false;   // whether kept logits may have been taken
};

// Of float32, or rounded to `dtype` at the end.
GradientTolerance rounded_to(int32_t dtype);

// `before`: what the buffer held that the gradient was added to; empty if it was overwritten.
void compare_gradient(const char *what, const Array &got, const Gradient &expected, const std::vector<double> &before,
                      const GradientTolerance &tolerance);

void compare_report(const Array &got, const GradientReference &expected);

}  // namespace cce::test
