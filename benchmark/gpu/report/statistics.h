// Times of one contender over all rounds.
#pragma once

#include <vector>

namespace cce::benchmark {

struct Statistics {
    std::vector<double> samples;
    double median;
    double min;
    double spread;  // (max - min) / median

    static Statistics of(std::vector<double> samples);  // at least one
};

}  // namespace cce::benchmark
