#include <algorithm>
#include <cmath>

#include "head/reference.h"
#include "sections/case.h"

namespace cce::benchmark {
namespace {

constexpr size_t kSampledRows = 64;
constexpr double kTolerance = 2e-3;      // absolute, of lse and target logit
constexpr double kLossTolerance = 1e-5;  // relative

// Larger than any limit if either is NaN.
double difference(double actual, double expected) {
    const double distance = std::abs(actual - expected);
    return std::isnan(distance) ? INFINITY : distance;
}

}  // namespace

void check_accuracy(const Case &c, const std::string &what, const Head &head) {
    const int64_t tokens = c.data.shape.tokens;
    const Buffer<int64_t> device_targets(tokens);
    check(cudaMemcpyAsync(device_targets.data(), head.operands().targets, static_cast<size_t>(device_targets.bytes()),
                          cudaMemcpyDeviceToDevice, c.stream),
          "copying targets");
    const std::vector<int64_t> targets = device_targets.read(c.stream);
    const Results results = head.fresh_results(c.stream);

    std::vector<int64_t> sampled;
    double ignored_worst = 0;
    double loss = 0;
    int64_t counting = 0;
    for (const int64_t row : choose(tokens, tokens, c.options.seed + 1)) {
        const size_t i = static_cast<size_t>(row);
        if (targets[i] < 0) {
            ignored_worst = std::max({ignored_worst, difference(results.lse[i], 0),
                                      difference(results.target_logit[i], 0)});
            continue;
        }
        if (sampled.size() < kSampledRows) sampled.push_back(row);
        loss += static_cast<double>(results.lse[i]) - results.target_logit[i];
        ++counting;
    }
    const std::vector<ReferenceRow> reference = reference_rows(head.operands(), head.variant(), sampled, c.stream);
    double lse_worst = 0;
    double target_worst = 0;
    for (size_t i = 0; i < sampled.size(); ++i) {
        const size_t row = static_cast<size_t>(sampled[i]);
        lse_worst = std::max(lse_worst, difference(results.lse[row], reference[i].lse));
        target_worst = std::max(target_worst, difference(results.target_logit[row], reference[i].target_logit));
    }
    c.report.add(Check{c.text(what + ": lse from float64, worst of 64 rows"), lse_worst, kTolerance});
    c.report.add(Check{c.text(what + ": target logit from float64"), target_worst, kTolerance});
    if (head.variant().label_smoothing == 0)
        c.report.add(Check{c.text(what + ": loss from mean lse - target logit, relative"),
                           difference(results.loss[0] * static_cast<double>(counting) / loss, 1), kLossTolerance});
    if (counting < tokens)
        c.report.add(Check{c.text(what + ": lse and target logit of ignored rows, largest"), ignored_worst, 0});
}

}  // namespace cce::benchmark
