#include "cuda/forward_case.h"

#include <cmath>
#include <cstring>
#include <limits>

#include "support/covering.h"
#include "support/random.h"

namespace cce::test {
namespace {

enum Factor {
    kRows, kClasses, kHidden, kDtype, kAlignment, kAllowTf32, kShift, kIgnored, kBias, kSoftcap, kTemperature,
    kSmoothing, kClassWeights, kTokenWeights, kZLoss, kReduction, kTargets, kWanted, kFactors
};

constexpr Wanted kWantedChoices[] = {
    Wanted::all(),
    {false, false, false, false},
    {true, true, false, false},
    {false, false, true, false},
    {true, false, false, true},
};

// Copies of rows, at some distance: the argmax must be the first of them.
void repeat_classes(ForwardCase *c) {
    const int64_t bytes = c->spec.hidden * dtype_bytes(c->spec.dtype);
    auto *rows = c->classifier.buffer.as<char>();
    for (int64_t repeat = 0; repeat < c->spec.classes / 4; ++repeat) {
        const int64_t from = whole(0, c->spec.classes - 1), to = whole(0, c->spec.classes - 1);
        if (from == to) continue;
        memcpy(rows + to * bytes, rows + from * bytes, bytes);
        c->bias.set(to, c->bias.get(from));
    }
}

// Also a whole tile of them, whose largest logit is then -infinity.
void mask_classes(ForwardCase *c) {
    const int64_t first_kept = c->spec.classes / 2;
    for (int64_t j = 0; j < c->spec.classes; ++j)
        if (j < first_kept || (j != first_kept && chance(0.1)))
            c->bias.set(j, -std::numeric_limits<double>::infinity());
}

bool ignores(const ForwardCase &c, int64_t token) {
    switch (c.which_ignored) {
        case Ignored::kNone: return false;
        case Ignored::kHalf: return chance(0.5);
        case Ignored::kPrefix: return token < c.tokens() / 2;
        default: return true;
    }
}

int64_t random_target(const ForwardCase &c) {
    for (int attempt = 0; attempt < 100; ++attempt) {
        const int64_t y = whole(0, c.spec.classes - 1);
        const bool masked = c.classes_masked && std::isinf(c.bias.get(y)) && c.spec.softcap == 0;
        if (y != c.spec.ignore_index && !masked) return y;
    }
    return c.spec.ignore_index;
}

}  // namespace

void ForwardCase::fill() {
    Case::fill(real(0.3, 4) / std::sqrt(static_cast<double>(spec.hidden)));
    repeat_classes(this);
    if (classes_masked) {
        mask_classes(this);
    } else {  // a weight of 0 times a loss of infinity has no meaning
        for (Array *weights : {&class_weights, &token_weights})
            for (int64_t i = 0; i < weights->count; ++i)
                if (chance(0.1)) weights->set(i, 0);
    }
    targets.resize(tokens());
    for (int64_t i = 0; i < tokens(); ++i) targets[i] = ignores(*this, i) ? spec.ignore_index : random_target(*this);
    store_targets();
}

bool ForwardCase::tf32_applies() const {
    return spec.allow_tf32 && spec.dtype == CCE_F32 && spec.hidden % 4 == 0 && !embeddings_unaligned &&
           !classifier_unaligned;
}

std::string describe(const ForwardCase &c) {
    constexpr const char *kIgnoredNames[] = {"none", "half", "prefix", "all"};
    std::string text = describe(static_cast<const Case &>(c));
    text += std::string(" ignored=") + kIgnoredNames[static_cast<int>(c.which_ignored)];
    text += std::string(" unaligned=") + (c.embeddings_unaligned ? "E" : "") + (c.classifier_unaligned ? "C" : "") +
            (c.others_unaligned ? "*" : "");
    if (c.classes_masked) text += " masked";
    text += std::string(" wanted=loss") + (c.wanted.lse ? ",lse" : "") + (c.wanted.target_logit ? ",logit" : "") +
            (c.wanted.argmax ? ",argmax" : "") + (c.wanted.entropy ? ",entropy" : "");
    return text;
}

const ForwardChoices kAnyProblem = {{0, 1, 127, 128, 129, 255, 256, 257, 600},
                                    {1, 5, 127, 128, 129, 130, 255, 256, 257, 1000, 5003},
                                    {1, 7, 8, 24, 64, 72, 200, 256},
                                    {CCE_F32, CCE_F16, CCE_BF16},
                                    true,
                                    {0, 1}};

const ForwardChoices kTensorCoreProblems = {kAnyProblem.rows,
                                            kAnyProblem.classes,
                                            {8, 24, 64, 72, 200, 256, 1032},
                                            {CCE_F16, CCE_BF16},
                                            false,
                                            {0}};

const ForwardChoices kTf32Problems = {
    kAnyProblem.rows, kAnyProblem.classes, {4, 12, 32, 36, 100, 256, 516}, {CCE_F32}, false, {1}};

const ForwardChoices kSmallProblems = {
    {1, 129, 257}, {1, 130, 257, 600}, {8, 72}, {CCE_F32, CCE_F16, CCE_BF16}, false, {1}};

std::vector<int> forward_levels(const ForwardChoices &choices) {
    std::vector<int> count(kFactors, 2);
    count[kRows] = static_cast<int>(choices.rows.size());
    count[kClasses] = static_cast<int>(choices.classes.size());
    count[kHidden] = static_cast<int>(choices.hidden.size());
    count[kDtype] = static_cast<int>(choices.dtypes.size());
    count[kAlignment] = choices.unaligned ? 4 : 1;
    count[kAllowTf32] = static_cast<int>(choices.allow_tf32.size());
    count[kShift] = 3;
    count[kIgnored] = 4;
    count[kBias] = 4;
    count[kSoftcap] = 3;
    count[kReduction] = 3;
    count[kTargets] = 4;
    count[kWanted] = static_cast<int>(std::size(kWantedChoices));
    return count;
}

ForwardCase forward_case(const ForwardChoices &choices, const std::vector<int> &level) {
    ForwardCase c;
    cce_problem &s = c.spec;
    s.struct_size = sizeof s;
    const int64_t rows = choices.rows[level[kRows]];
    s.shift = level[kShift];
    s.batch = level[kShift] == 0 ? 1 : whole(1, 4);
    while (rows % s.batch != 0) --s.batch;
    s.time = rows / s.batch + s.shift;
    s.classes = choices.classes[level[kClasses]];
    s.hidden = choices.hidden[level[kHidden]];
    s.dtype = choices.dtypes[level[kDtype]];
    s.allow_tf32 = choices.allow_tf32[level[kAllowTf32]];
    // Kernels may take another way to logits that are near the cap: to some, or to none.
    s.softcap = level[kSoftcap] == 0 ? 0 : level[kSoftcap] == 1 ? real(1, 8) : real(20, 40);
    s.temperature = level[kTemperature] ? real(0.5, 3) : 1;
    s.label_smoothing = level[kSmoothing] ? one_of({real(0.01, 0.5), 1.0}) : 0;
    s.z_loss = level[kZLoss] ? real(1e-4, 0.1) : 0;
    s.reduction = level[kReduction];
    s.target_dtype = level[kTargets] % 2 ? CCE_I64 : CCE_I32;
    s.ignore_index = level[kTargets] / 2 ? -100 : one_of<int64_t>({0, -1, s.classes - 1, s.classes});
    c.has_bias = level[kBias] > 0;
    s.bias_dtype = level[kBias] == 2 ? s.dtype : CCE_F32;
    c.classes_masked = level[kBias] == 3;
    c.has_class_weights = level[kClassWeights];
    c.has_token_weights = level[kTokenWeights];
    c.which_ignored = static_cast<Ignored>(level[kIgnored]);
    c.embeddings_unaligned = level[kAlignment] == 1 || level[kAlignment] == 3;
    c.classifier_unaligned = level[kAlignment] >= 2;
    c.others_unaligned = level[kAlignment] == 3;
    c.wanted = kWantedChoices[level[kWanted]];
    return c;
}

std::vector<ForwardCase> covering_cases(const ForwardChoices &choices, int64_t most) {
    std::vector<ForwardCase> cases;
    Covering covering(forward_levels(choices));
    while (!covering.complete() && static_cast<int64_t>(cases.size()) < most)
        cases.push_back(forward_case(choices, covering.next()));
    return cases;
}

}  // namespace cce::test
