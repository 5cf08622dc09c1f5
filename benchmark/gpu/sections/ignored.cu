#include <numeric>

#include "sections/case.h"
#include "targets.h"

namespace cce::benchmark {
namespace {

Buffer<int64_t> ignoring(std::vector<int64_t> targets, const std::vector<int64_t> &rows) {
    for (const int64_t row : rows) targets[static_cast<size_t>(row)] = -100;
    return Buffer<int64_t>(targets);
}

}  // namespace

void measure_ignored(const Case &c) {
    const int64_t half = c.data.shape.tokens / 2;
    const double share = 1 - static_cast<double>(half) / static_cast<double>(c.data.shape.tokens);
    const std::vector<int64_t> targets = c.data.targets.read(c.stream);
    std::vector<int64_t> prefix(static_cast<size_t>(half));
    std::iota(prefix.begin(), prefix.end(), 0);
    const Buffer<int64_t> scattered_targets = ignoring(targets, choose(half, c.data.shape.tokens, c.options.seed));
    const Buffer<int64_t> prefix_targets = ignoring(targets, prefix);
    Operands operands = c.operands();
    operands.targets = scattered_targets.data();
    const Head scattered = c.head(operands);
    operands.targets = prefix_targets.data();
    const Head masked = c.head(operands);

    const char *const of_scattered = "forward, a random half ignored";
    const char *const of_prefix = "forward, the first half ignored";
    const std::vector<Measurement> measured = beside_product(
        c, {forward_of(scattered, of_scattered, share), forward_of(masked, of_prefix, share)});
    for (const Measurement &m : measured)
        if (c.data.shape == kMainShape)
            c.report.add(Target{c.text(m.what), "G", m.by_g, kHalfIgnoredMust, kHalfIgnoredAim});
    if (!c.options.wants("accuracy")) return;
    check_accuracy(c, of_scattered, scattered);
    check_accuracy(c, of_prefix, masked);
}

}  // namespace cce::benchmark
