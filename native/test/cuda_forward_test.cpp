// Checks forward and its primitives on every CUDA device, with every kernel family that it has, against a float64
// reference: sizes around and below tiles, every pair of options, unaligned pointers, repeats, streams and graphs.
//
// cuda_forward_test [--large | --sanitizer] [SEED [FILTER]]
//     --large      instead: problems with more than 2^32 logits or classifier elements
//     --sanitizer  few and small cases, in exactly allocated memory, for compute-sanitizer
//     FILTER       only cases whose description, as a failure prints it, contains it
// Exits with 1 if anything is wrong, with 77 without a CUDA device.
#include <cinttypes>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <random>
#include <string>
#include <vector>

#include "cuda/device_buffer.h"
#include "cuda/forward_case.h"
#include "cuda/forward_checks.h"
#include "cuda/large.h"
#include "cuda/runtime.h"
#include "support/check.h"
#include "support/random.h"

namespace cce::test {
namespace {

constexpr int kSkipped = 77;
constexpr int64_t kSanitizerCases = 16;

enum class Mode { kEvery, kLarge, kSanitizer };

struct Target {
    int32_t device;
    std::string family;
};

std::string describe(const Target &target) { return "cuda:" + std::to_string(target.device) + " " + target.family; }

std::vector<Target> every_target(int32_t devices) {
    std::vector<Target> targets;
    for (int32_t device = 0; device < devices; ++device)
        for (const char *family : {"cuda-sm90", "cuda-sm80", "cuda-plain"})
            if (choose_family(device, family))
                targets.push_back({device, family});
            else
                printf("cuda:%d has no %s\n", device, family);
    return targets;
}

void choose(const Target &target) {
    require(cudaSetDevice(target.device), "choosing a device");
    choose_family(target.device, target.family.c_str());
}

void check_case(const ForwardCase &c, const Reference &expected, Mode mode, int64_t index) {
    check_forward(c, expected);
    check_primitives(c, expected);
    if (mode == Mode::kSanitizer) return;
    check_made_state(c);
    check_bad_target(c);
    if (index % 4 == 0) check_repeats(c);
    if (index % 4 == 1) check_graph(c);
}

void check_cases(const std::vector<Target> &targets, Mode mode, uint64_t seed, const std::string &filter) {
    std::vector<ForwardCase> cases;
    const auto add = [&](const ForwardChoices &choices, int64_t most) {
        for (ForwardCase &c : covering_cases(choices, most)) cases.push_back(std::move(c));
    };
    if (mode == Mode::kSanitizer) {
        add(kSmallProblems, kSanitizerCases);
    } else {
        add(kAnyProblem, INT64_MAX);
        add(kTensorCoreProblems, INT64_MAX);
    }
    int64_t ran = 0;
    for (size_t i = 0; i < cases.size(); ++i) {
        ForwardCase c = std::move(cases[i]);
        const auto full_description = [&](const Target &target) { return describe(target) + " " + describe(c); };
        std::vector<Target> matching;
        for (const Target &target : targets)
            if (full_description(target).find(filter) != std::string::npos) matching.push_back(target);
        if (matching.empty()) continue;
        generator.seed(seed + i);  // the same data whatever the filter leaves out
        c.fill();
        const Reference expected = compute(c);
        for (const Target &target : matching) {
            choose(target);
            c.spec.device = target.device;
            current = full_description(target);
            generator.seed(seed + i);
            check_case(c, expected, mode, static_cast<int64_t>(i));
            ++ran;
        }
    }
    printf("%" PRId64 " cases of %zu\n", ran, cases.size() * targets.size());
    check(ran > 0, "a case matches the filter");
}

int run(Mode mode, uint64_t seed, const std::string &filter) {
    const int32_t devices = cce_cuda_device_count();
    if (devices == 0) {
        printf("skipped: no CUDA device\n");
        return kSkipped;
    }
    printf("seed %" PRIu64 "\n", seed);
    generator.seed(seed);
    DeviceBuffer::guarded = mode != Mode::kSanitizer;
    const std::vector<Target> targets = every_target(devices);
    check(!targets.empty(), "a device has a kernel family");
    if (mode == Mode::kLarge) {
        for (const Target &target : targets) {
            choose(target);
            check_large(target.device, describe(target));
        }
    } else {
        check_cases(targets, mode, seed, filter);
    }
    printf("%" PRId64 " checks, %" PRId64 " failures\n%s\n", checks(), failures(), failures() ? "FAILED" : "passed");
    return failures() == 0 ? 0 : 1;
}

}  // namespace
}  // namespace cce::test

int main(int count, char **arguments) {
    using cce::test::Mode;
    setvbuf(stdout, nullptr, _IOLBF, 0);
    Mode mode = Mode::kEvery;
    int at = 1;
    if (count > at && strncmp(arguments[at], "--", 2) == 0) {
        const std::string name = arguments[at++];
        if (name != "--large" && name != "--sanitizer") {
            fprintf(stderr, "unknown option %s\n", name.c_str());
            return 2;
        }
        mode = name == "--large" ? Mode::kLarge : Mode::kSanitizer;
    }
    const uint64_t seed = count > at ? strtoull(arguments[at], nullptr, 10) : std::random_device()();
    return cce::test::run(mode, seed, count > at + 1 ? arguments[at + 1] : "");
}
