// The problems that forward is tested with.
#pragma once

#include <vector>

#include "support/case.h"

namespace cce::test {

// Which of forward's optional results are asked for.
struct Wanted {
    bool lse, target_logit, argmax, entropy;
    static constexpr Wanted all() { return {true, true, true, true}; }
};

enum class Ignored { kNone, kHalf, kPrefix, kAll };

struct ForwardCase : Case {
    Wanted wanted = Wanted::all();
    bool embeddings_unaligned = false, classifier_unaligned = false, others_unaligned = false;  // by one element
    Ignored which_ignored = Ignored::kNone;
    bool classes_masked = false;  // half of the biases are -infinity, those of the first classes among them

    // New values of everything that is not in the spec.
    void fill();
    // Whether a family of tensor cores takes float32 inputs, as cce.h says.
    bool tf32_applies() const;
};

std::string describe(const ForwardCase &c);

// What there is to choose from: sizes that kernels get wrong, around tiles, below them and odd; and every option.
struct ForwardChoices {
    std::vector<int64_t> rows, classes, hidden;
    std::vector<int32_t> dtypes;
    bool unaligned;
    std::vector<int32_t> allow_tf32;
};
extern const ForwardChoices kAnyProblem;
extern const ForwardChoices kTensorCoreProblems;  // that every kernel family takes
extern const ForwardChoices kTf32Problems;        // of float32, for tensor cores all the same
extern const ForwardChoices kSmallProblems;

// The numbers of levels of the factors that make a case, for a Covering, and the case that a combination of them means.
std::vector<int> forward_levels(const ForwardChoices &choices);
ForwardCase forward_case(const ForwardChoices &choices, const std::vector<int> &level);

// Cases, not yet filled, that pair every choice with every other; at most `most`.
std::vector<ForwardCase> covering_cases(const ForwardChoices &choices, int64_t most);

}  // namespace cce::test
