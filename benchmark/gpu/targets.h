// What must be reached and what is aimed at: times in units of G, cuBLAS's logits product of the same shape.
#pragma once

#include "shape.h"

namespace cce::benchmark {

struct Goal {
    double must;
    double aim;  // 0: none
};

struct ForwardTarget {
    Shape shape;
    double must;
    double aim;
};

constexpr ForwardTarget kForwardTargets[] = {
    {{8192, 256000, 2304}, 1.10, 1.00},
    {{8192, 128256, 4096}, 1.10, 1.00},
    {{8192, 200019, 1024}, 1.20, 1.05},
    {{1024, 32000, 4096}, 1.25, 1.10},
};

// The shape that the targets below were set for.
constexpr Shape kMainShape = kForwardTargets[0].shape;

constexpr double kHalfIgnoredMust = 0.60, kHalfIgnoredAim = 0.53;
constexpr double kSm80Must = 1.90;
constexpr double kGradientsMust = 1.02;    // forward with gradients declared, by forward alone
constexpr double kIndexedDotMust = 2.0;    // by what reading E and the targets' rows of C takes at copy bandwidth
constexpr double kForwardMegabytesMust = 1.0, kForwardMegabytesAim = 0.1;
constexpr double kGradientsMegabytesMust = 17.0, kGradientsMegabytesAim = 9.0;

// Forward and backward, one after the other.
struct BackwardTarget {
    Shape shape;
    Goal filtered;  // filter auto, gemma_like
    Goal exact;
    Goal kept;  // exact, with all logits kept; must 0: none
};

constexpr BackwardTarget kBackwardTargets[] = {
    {{8192, 256000, 2304}, {1.6, 1.25}, {4.6, 4.1}, {3.5, 3.1}},
    {{8192, 128256, 4096}, {1.6, 1.25}, {4.6, 4.1}, {3.5, 3.1}},
    {{1024, 32000, 4096}, {2.2, 1.6}, {5.0, 4.3}, {0, 0}},
};

constexpr Goal kTrained = {1.8, 1.3};  // filter auto, whatever the shape

// Filter auto where it would drop nearly everything, and the limit on the dropped mass that makes it exact.
constexpr Goal kFellBack = {5.0, 4.2};
constexpr double kMaxDroppedMass = 0.01;

// MiB beyond the inputs, gradients included.
constexpr Goal kFilteredMebibytes = {1185, 1170};
constexpr Goal kExactMebibytes = {1450, 1300};

// ||g - reference|| / ||reference|| of exact gradients.
constexpr double kGradientErrorMust = 0.0025;
constexpr double kKeptErrorMust = 0.0001;  // what kept logits may add to it

// Heads of published models, 8192 tokens each.
struct Model {
    const char *name;
    int64_t classes;
    int64_t hidden;
    double softcap;
};

constexpr int64_t kModelTokens = 8192;
constexpr Model kModels[] = {
    {"GPT-2", 50257, 768, 0},          {"Phi 3.5 Mini", 32064, 3072, 0},  {"Llama 2 13B", 32000, 5120, 0},
    {"Llama 3 8B", 128256, 4096, 0},   {"Mistral NeMo", 131072, 5120, 0}, {"Qwen 2.5 7B", 152064, 3584, 0},
    {"Gemma 2 2B", 256000, 2304, 30},
};
constexpr Goal kModelFiltered = {1.7, 0};
constexpr Goal kModelExact = {4.8, 0};

}  // namespace cce::benchmark
