// What must be reached and what is aimed at: times in units of G, cuBLAS's logits product of the same shape.
#pragma once

#include "shape.h"

namespace cce::benchmark {

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

}  // namespace cce::benchmark
