#include "report/statistics.h"

#include <algorithm>

namespace cce::benchmark {

Statistics Statistics::of(std::vector<double> samples) {
    std::vector<double> sorted = samples;
    std::sort(sorted.begin(), sorted.end());
    const size_t half = sorted.size() / 2;
    const double median = sorted.size() % 2 == 1 ? sorted[half] : 0.5 * (sorted[half - 1] + sorted[half]);
    return {std::move(samples), median, sorted.front(), (sorted.back() - sorted.front()) / median};
}

}  // namespace cce::benchmark
