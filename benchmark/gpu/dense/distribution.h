// Distributions over classes or tokens.
#pragma once

#include <vector>

namespace cce::benchmark {

// Weights, none negative, scaled to a sum of 1; all zeros if they are.
std::vector<float> normalized(const std::vector<float> &weights);

// In proportion to exp(logit / temperature).
std::vector<float> softmax(const std::vector<float> &logits, double temperature);

}  // namespace cce::benchmark
