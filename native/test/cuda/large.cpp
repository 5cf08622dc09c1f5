#include "cuda/large.h"

#include <algorithm>
#include <cinttypes>
#include <cmath>
#include <cstdio>

#include "cuda/forward_run.h"
#include "support/check.h"
#include "support/parallel.h"
#include "support/random.h"

namespace cce::test {
namespace {

// The classifier repeats this many random elements: a prime number, so that no two of its fewer rows are alike.
constexpr int64_t kPeriod = 1048573;

struct Large {
    int64_t rows, classes, hidden;
};
constexpr Large kManyLogits = {40000, 120011, 64};
constexpr Large kLargeClassifier = {300, 1048000, 4112};
static_assert(kManyLogits.rows * kManyLogits.classes > int64_t{1} << 32, "");
static_assert(kLargeClassifier.classes * kLargeClassifier.hidden > int64_t{1} << 32, "");
static_assert(kLargeClassifier.classes < kPeriod, "");

// Everything but the classifier, which is on the device alone.
ForwardCase case_of(const Large &size, int32_t device) {
    ForwardCase c;
    c.spec.struct_size = sizeof c.spec;
    c.spec.batch = 1;
    c.spec.time = size.rows;
    c.spec.classes = size.classes;
    c.spec.hidden = size.hidden;
    c.spec.ignore_index = -100;
    c.spec.temperature = 1;
    c.spec.device = device;
    c.spec.dtype = c.spec.bias_dtype = CCE_BF16;
    c.spec.target_dtype = CCE_I64;
    randomize(&c.embeddings, size.rows * size.hidden, CCE_BF16, 4 / std::sqrt(static_cast<double>(size.hidden)));
    c.targets.resize(size.rows);
    for (int64_t &y : c.targets) y = chance(0.5) ? whole(0, size.classes - 1) : size.classes - whole(1, 500);
    c.store_targets();
    return c;
}

// Fills the classifier by doubling what is there.
void repeat(const DeviceBuffer &classifier, const Array &period) {
    auto *to = static_cast<char *>(classifier.data());
    int64_t filled = std::min(classifier.bytes(), period.buffer.bytes());
    require(cudaMemcpy(to, period.buffer.data(), filled, cudaMemcpyHostToDevice), "filling the classifier");
    while (filled < classifier.bytes()) {
        const int64_t more = std::min(filled, classifier.bytes() - filled);
        require(cudaMemcpy(to + filled, to, more, cudaMemcpyDeviceToDevice), "filling the classifier");
        filled += more;
    }
    require(cudaDeviceSynchronize(), "filling the classifier");
}

struct Row {
    int64_t row;
    double lse, largest;
    std::vector<double> logits;
};

Row reference(const ForwardCase &c, const std::vector<double> &period, int64_t row) {
    const int64_t classes = c.spec.classes, hidden = c.spec.hidden;
    std::vector<double> embedding(hidden);
    for (int64_t d = 0; d < hidden; ++d) embedding[d] = c.embeddings.get(row * hidden + d);
    Row r = {row, 0, 0, std::vector<double>(classes)};
    parallel_for(classes, static_cast<double>(classes) * hidden, [&](int64_t j) {
        int64_t at = j * hidden % kPeriod;
        double z = 0;
        for (int64_t d = 0; d < hidden; ++d) {
            z += embedding[d] * period[at];
            if (++at == kPeriod) at = 0;
        }
        r.logits[j] = z;
    });
    r.largest = *std::max_element(r.logits.begin(), r.logits.end());
    double sum = 0;
    for (double z : r.logits) sum += std::exp(z - r.largest);
    r.lse = r.largest + std::log(sum);
    return r;
}

void compare_row(const ForwardCase &c, const ForwardResults &got, const Row &expected) {
    constexpr double kTolerance = 2e-5;
    const auto close = [](const char *what, double value, double should) {
        check(std::fabs(value - should) <= kTolerance * (1 + std::fabs(should)), what, value, should);
    };
    const int64_t row = expected.row, argmax = got.argmax.as<int64_t>()[row];
    const double target_logit = expected.logits[c.targets[row]];
    close("lse", got.lse.get(row), expected.lse);
    close("target_logit", got.target_logit.get(row), target_logit);
    check(std::fabs(got.loss.get(row) - (expected.lse - target_logit)) <= kTolerance * (1 + 2 * expected.lse), "loss",
          got.loss.get(row), expected.lse - target_logit);
    check(argmax >= 0 && argmax < c.spec.classes, "argmax is a class", static_cast<double>(argmax));
    if (argmax >= 0 && argmax < c.spec.classes) close("the largest logit", expected.logits[argmax], expected.largest);
}

void check_size(const Large &size, int32_t device, const std::string &where) {
    char text[128];
    snprintf(text, sizeof text, "%s N=%" PRId64 " V=%" PRId64 " D=%" PRId64 " bf16", where.c_str(), size.rows,
             size.classes, size.hidden);
    current = text;
    size_t free_bytes = 0, total_bytes = 0;
    require(cudaMemGetInfo(&free_bytes, &total_bytes), "asking for the free memory");
    const int64_t needed = size.classes * size.hidden * 2 + (int64_t{1} << 30);
    if (static_cast<int64_t>(free_bytes) < needed) {
        printf("skipped %s: needs %" PRId64 " bytes of device memory, %zu are free\n", text, needed, free_bytes);
        return;
    }

    Array period;
    randomize(&period, kPeriod, CCE_BF16, 1);
    const ForwardCase c = case_of(size, device);
    const DeviceInputs inputs(c);
    const DeviceBuffer classifier(size.classes * size.hidden * 2);
    repeat(classifier, period);
    cce_inputs in = inputs.view();
    in.classifier = classifier.data();

    const auto run = [&](const cce_problem &problem, int byte) {
        DeviceForward forward(problem, c);
        forward.poison(byte);
        require_ok(forward.enqueue(in, nullptr), "cce_forward");
        ForwardResults results = forward.results();
        check(forward.intact(), "guards of outputs, state and workspace");
        return results;
    };
    const ForwardResults results = run(c.spec, DeviceBuffer::kNan);
    cce_problem announced = c.spec;
    announced.gradients = CCE_GRADIENT_EMBEDDINGS | CCE_GRADIENT_CLASSIFIER;
    announced.filter_embeddings = announced.filter_classifier = CCE_FILTER_AUTO;
    check(same_bits(results, run(announced, DeviceBuffer::kNumber)), "the same bits with gradients announced");
    for (int64_t row : {int64_t{0}, size.rows - 1, whole(0, size.rows - 1), whole(0, size.rows - 1)})
        compare_row(c, results, reference(c, period.values(), row));
    printf("checked %s\n", text);
}

}  // namespace

void check_large(int32_t device, const std::string &where) {
    check_size(kManyLogits, device, where);
    check_size(kLargeClassifier, device, where);
}

}  // namespace cce::test
