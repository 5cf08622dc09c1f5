#include "support/compare.h"

#include <algorithm>
#include <cmath>

#include "support/check.h"

namespace cce::test {
namespace {

// Of results in float32, relative: some roundings.
constexpr double kRounding = 4e-6;

double allowed_of_logit(const Reference &expected, int64_t row, double value) {
    return kRounding * (1 + std::fabs(value) + kSlackOfSums * expected.logit_size[row]);
}

void compare_entry(const char *what, double got, double expected, double allowed) {
    const bool close = got == expected || std::fabs(got - expected) <= allowed;
    check(close || (std::isnan(got) && std::isnan(expected)), what, got, expected);
}

// float32 may find two logits equal, or in another order, that float64 tells apart: after a softcap above all. Of
// classes that are copies of each other it must find the first.
void compare_argmax(const Case &c, const Reference &expected, int64_t row, int64_t got) {
    const int64_t best = expected.argmax[row];
    bool good = got == best;
    if (!good && best >= 0 && got >= 0 && got < c.spec.classes) {
        const double *logits = &expected.logits[row * c.spec.classes];
        const double least = logits[best] - 2 * allowed_of_logit(expected, row, logits[best]);
        good = logits[got] != logits[best] && logits[got] >= least;
    }
    check(good, "argmax", static_cast<double>(got), static_cast<double>(best));
}

}  // namespace

void ForwardResults::resize(const Case &c) {
    loss.resize(c.spec.reduction == CCE_REDUCTION_NONE ? c.rows() : 1, CCE_F32);
    for (Array *array : {&lse, &target_logit, &entropy}) array->resize(c.rows(), CCE_F32);
    argmax.resize(c.rows() * 8);
}

cce_outputs ForwardResults::outputs() {
    cce_outputs out = {};
    out.struct_size = sizeof out;
    out.loss = loss.buffer.data();
    out.lse = lse.buffer.data();
    out.target_logit = target_logit.buffer.data();
    out.argmax = argmax.data();
    out.entropy = entropy.buffer.data();
    return out;
}

bool ForwardResults::intact() const {
    for (const Array *array : {&loss, &lse, &target_logit, &entropy})
        if (!array->buffer.intact()) return false;
    return argmax.intact();
}

bool same_bits(const ForwardResults &a, const ForwardResults &b) {
    return same(a.loss.buffer, b.loss.buffer) && same(a.lse.buffer, b.lse.buffer) && same(a.argmax, b.argmax) &&
           same(a.target_logit.buffer, b.target_logit.buffer) && same(a.entropy.buffer, b.entropy.buffer);
}

void compare_forward(const Case &c, const ForwardResults &got, const Reference &expected) {
    for (int64_t i = 0; i < got.loss.count; ++i)
        compare_entry("loss", got.loss.get(i), expected.loss[i], kRounding * (0.1 + expected.loss_size[i]));
    compare_logits("lse", got.lse, expected.lse, expected);
    compare_logits("target_logit", got.target_logit, expected.target_logit, expected);
    compare_logits("entropy", got.entropy, expected.entropy, expected);
    const auto *argmax = got.argmax.as<int64_t>();
    for (int64_t row = 0; row < got.argmax.bytes() / 8; ++row) compare_argmax(c, expected, row, argmax[row]);
}

void compare_logits(const char *what, const Array &got, const std::vector<double> &values, const Reference &expected) {
    for (int64_t row = 0; row < got.count; ++row)
        compare_entry(what, got.get(row), values[row], allowed_of_logit(expected, row, values[row]));
}

GradientTolerance rounded_to(int32_t dtype) {
    return {dtype == CCE_BF16 ? 0x1p-8 : dtype == CCE_F16 ? 0x1p-10 : 1e-5};
}

void compare_gradient(const char *what, const Array &got, const Gradient &expected, const std::vector<double> &before,
                      const GradientTolerance &tolerance) {
    constexpr double kCancellation = 2e-6;
    constexpr double kSmallestFloat16 = 0x1p-24;
    double difference = 0, from_rounded = 0, norm = 0, size = 0, doubt = 0;
    for (int64_t i = 0; i < got.count; ++i) {
        const double value = expected.value[i] + (before.empty() ? 0.0 : before[i]);
        difference += std::pow(got.get(i) - value, 2);
        from_rounded += std::pow(got.get(i) - value - expected.rounding[i], 2);
        norm += value * value;
        size += std::pow(expected.size[i], 2);
        doubt += std::pow(expected.doubt[i], 2);
    }
    double allowed = std::max(tolerance.relative * std::sqrt(norm), kCancellation * std::sqrt(size));
    allowed += tolerance.of_dz * expected.terms + std::sqrt(doubt);
    if (tolerance.kept) allowed += expected.kept;
    if (got.dtype == CCE_F16 && norm > 0) allowed += kSmallestFloat16 / 2 * std::sqrt(static_cast<double>(got.count));
    // Roundings of dz add up at random: in a sum of few elements by more than that, but then as the reference's do.
    if (tolerance.of_dz > 0) difference = std::min(difference, from_rounded);
    check(std::sqrt(difference) <= allowed, what, std::sqrt(difference), std::sqrt(norm));
}

void compare_report(const Array &got, const GradientReference &expected) {
    for (int64_t i = 0; i < got.count; ++i)
        compare_entry("filter report", got.get(i), expected.report[i],
                      1e-5 * (1 + expected.report[i]) + expected.report_doubt[i]);
}

}  // namespace cce::test
