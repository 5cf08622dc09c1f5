// Logits of a mean over tokens, softcap and temperature left out.
#pragma once

#include <vector>

#include "head/head.h"

namespace cce::benchmark {

// C e + b (V), where e is the sum of the rows of E, each times its weight.
std::vector<float> mean_logits(const Operands &operands, const std::vector<float> &weights, cudaStream_t stream);

// The classes by their mean logit over all tokens, the lowest first.
std::vector<int64_t> order_by_mean_logit(const Operands &operands, cudaStream_t stream);

}  // namespace cce::benchmark
