// Checks forward and its primitives on every CUDA device, with every kernel family that it has, against a float64
// reference: sizes around and below tiles, every pair of options, unaligned pointers, repeats, streams and graphs.
//
// cuda_forward_test [--large | --sanitizer] [SEED [FILTER]]
//     --large      instead: problems with more than 2^32 logits or classifier elements
//     --sanitizer  few and small cases, in exactly allocated memory, for compute-sanitizer
//     FILTER       only cases whose description, as a failure prints it, contains it
// Exits with 1 if anything is wrong, with 77 without a CUDA device.
#include "cuda/forward_case.h"
#include "cuda/forward_checks.h"
#include "cuda/large.h"
#include "cuda/program.h"

namespace cce::test {
namespace {

constexpr int64_t kSanitizerCases = 16;

std::vector<ForwardCase> cases_of(const std::string &mode) {
    if (mode == "--sanitizer") return covering_cases(kSmallProblems, kSanitizerCases);
    std::vector<ForwardCase> cases = covering_cases(kAnyProblem, INT64_MAX);
    append(&cases, covering_cases(kTensorCoreProblems, INT64_MAX));
    append(&cases, covering_cases(kTf32Problems, INT64_MAX));
    return cases;
}

struct Expected {
    Reference exact, in_tf32;
};

Expected prepare(ForwardCase *c) {
    c->fill();
    Expected expected;
    expected.exact = compute(*c);
    if (c->tf32_applies()) expected.in_tf32 = compute_in_tf32(*c);
    return expected;
}

void check_one(const ForwardCase &c, const Reference &expected, bool everything, int64_t index) {
    check_forward(c, expected);
    check_primitives(c, expected);
    if (!everything) return;
    check_made_state(c);
    check_bad_target(c);
    if (index % 4 == 0) check_repeats(c);
    if (index % 4 == 1) check_graph(c);
}

void test_forward(const std::vector<Target> &targets, const Arguments &arguments) {
    if (arguments.mode == "--large") {
        for (const Target &target : targets) {
            choose(target);
            check_large(target.device, describe(target));
        }
        return;
    }
    const bool everything = arguments.mode.empty();
    check_cases(targets, arguments, cases_of(arguments.mode), prepare,
                [&](const Target &, const ForwardCase &c, const Expected &expected, int64_t index) {
                    check_one(c, c.sweep_in_tf32 ? expected.in_tf32 : expected.exact, everything, index);
                });
}

}  // namespace
}  // namespace cce::test

int main(int count, char **arguments) {
    return cce::test::run_program(count, arguments, {"--large", "--sanitizer"}, cce::test::test_forward);
}
