// What the programs of the CUDA tests have in common: their arguments, and cases run on every device and kernel family.
#pragma once

#include <cinttypes>
#include <cstdio>
#include <string>
#include <vector>

#include "cuda/forward_case.h"
#include "cuda/runtime.h"
#include "support/check.h"
#include "support/random.h"

namespace cce::test {

constexpr int kSkipped = 77;

struct Target {
    int32_t device;
    std::string family;
};

std::string describe(const Target &target);
// Whether its forward pass of `c` runs in TF32: every device with tensor-core families has one that can.
bool runs_in_tf32(const Target &target, const ForwardCase &c);
// Makes its device current and its family CCE_KERNEL.
void choose(const Target &target);

struct Arguments {
    std::string mode;  // "--large", say; empty: every case
    uint64_t seed;
    std::string filter;
};

// Runs `test` on every kernel family of every device and returns the exit status of the program. Its arguments are
// [MODE] [SEED [FILTER]], with MODE one of `modes`; "--sanitizer" also has memory allocated exactly.
int run_program(int count, char **arguments, const std::vector<std::string> &modes,
                void (*test)(const std::vector<Target> &targets, const Arguments &arguments));

// Cases whose description with a target contains the filter: prepare(&case) fills it and returns what is expected,
// check(target, case, expected, index) checks it. The same seed gives the same data whatever the filter leaves out.
template <typename C, typename Prepare, typename Check>
void check_cases(const std::vector<Target> &targets, const Arguments &arguments, std::vector<C> cases, Prepare prepare,
                 Check check_one) {
    int64_t ran = 0;
    for (size_t i = 0; i < cases.size(); ++i) {
        C c = std::move(cases[i]);
        const std::string description = describe(c);
        std::vector<Target> matching;
        for (const Target &target : targets)
            if ((describe(target) + " " + description).find(arguments.filter) != std::string::npos)
                matching.push_back(target);
        if (matching.empty()) continue;
        generator.seed(arguments.seed + i);
        const auto expected = prepare(&c);
        for (const Target &target : matching) {
            choose(target);
            c.spec.device = target.device;
            c.sweep_in_tf32 = runs_in_tf32(target, c);
            current = describe(target) + " " + description;
            generator.seed(arguments.seed + i);
            check_one(target, c, expected, static_cast<int64_t>(i));
            ++ran;
        }
    }
    printf("%" PRId64 " cases of %zu\n", ran, cases.size() * targets.size());
    check(ran > 0, "a case matches the filter");
}

template <typename C>
void append(std::vector<C> *all, std::vector<C> more) {
    for (C &c : more) all->push_back(std::move(c));
}

}  // namespace cce::test
