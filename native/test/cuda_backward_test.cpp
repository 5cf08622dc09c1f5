// Checks backward on every CUDA device, with every kernel family that it has, against a float64 reference: sizes around
// and below tiles, every pair of options, filters, unaligned pointers, repeats, streams and graphs.
//
// cuda_backward_test [--sanitizer] [SEED [FILTER]]
//     --sanitizer  few and small cases, in exactly allocated memory, for compute-sanitizer
//     FILTER       only cases whose description, as a failure prints it, contains it
// Exits with 1 if anything is wrong, with 77 without a CUDA device.
#include "cuda/backward_case.h"
#include "cuda/backward_checks.h"
#include "cuda/program.h"

namespace cce::test {
namespace {

constexpr int64_t kSanitizerCases = 16;
constexpr int64_t kManyRowsCases = 8;
constexpr int64_t kInPlaceCases = 24;
constexpr int64_t kFrequentCases = 3;

std::vector<BackwardCase> cases_of(const std::string &mode) {
    std::vector<BackwardCase> cases;
    if (mode == "--sanitizer") {
        append(&cases, covering_cases(kSmallGradients, kSanitizerCases));
        append(&cases, covering_cases(kSmallKept, kSanitizerCases));
        append(&cases, covering_cases(kSmallFlat, 2));
        append(&cases, covering_cases(kCandidates, 4));
        append(&cases, covering_cases(kFlatInPlace, 1));
        append(&cases, covering_cases(kFrequent, 1));
        return cases;
    }
    append(&cases, covering_cases(kAnyGradient, INT64_MAX));
    append(&cases, covering_cases(kTensorCoreGradients, INT64_MAX));
    append(&cases, covering_cases(kManyRows, kManyRowsCases));
    append(&cases, covering_cases(kLargeClassifier, INT64_MAX));
    append(&cases, covering_cases(kOfAnyMagnitude, INT64_MAX));
    append(&cases, covering_cases(kCandidates, INT64_MAX));
    append(&cases, covering_cases(kKeptLogits, INT64_MAX));
    append(&cases, covering_cases(kKeptOfManyRows, kManyRowsCases));
    append(&cases, covering_cases(kFlatOverFew, INT64_MAX));
    append(&cases, covering_cases(kFlatOfManyRows, 2));
    append(&cases, covering_cases(kFlatInPlace, kInPlaceCases));
    append(&cases, covering_cases(kFrequent, kFrequentCases));
    return cases;
}

void test_backward(const std::vector<Target> &targets, const Arguments &arguments) {
    const bool everything = arguments.mode.empty();
    check_cases(targets, arguments, cases_of(arguments.mode), prepare,
                [&](const Target &target, const BackwardCase &c, const BackwardReference &expected, int64_t index) {
                    check_backward(c, expected, target.family);
                    if (!everything) return;
                    const bool keeps = target.family == "cuda-sm90" && c.keeps_all();
                    if (keeps && (c.asked & CCE_GRADIENT_EMBEDDINGS) != 0) check_nothing_recomputed(c);
                    if (index % 4 == 0) check_repeated_backward(c);
                    if (index % 4 == 1) check_backward_graph(c);
                });
}

}  // namespace
}  // namespace cce::test

int main(int count, char **arguments) {
    return cce::test::run_program(count, arguments, {"--sanitizer"}, cce::test::test_backward);
}
