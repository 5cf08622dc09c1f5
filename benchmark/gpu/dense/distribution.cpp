#include "dense/distribution.h"

#include <algorithm>
#include <cmath>
#include <numeric>

namespace cce::benchmark {

std::vector<float> normalized(const std::vector<float> &weights) {
    const double sum = std::accumulate(weights.begin(), weights.end(), 0.0);
    std::vector<float> result;
    for (const float weight : weights) result.push_back(sum > 0 ? static_cast<float>(weight / sum) : 0.0f);
    return result;
}

std::vector<float> softmax(const std::vector<float> &logits, double temperature) {
    const double largest = *std::max_element(logits.begin(), logits.end());
    std::vector<float> powers;
    for (const float logit : logits) powers.push_back(static_cast<float>(std::exp((logit - largest) / temperature)));
    return normalized(powers);
}

}  // namespace cce::benchmark
