// The forward pass of single rows in float64.
#pragma once

#include <vector>

#include "head/head.h"

namespace cce::benchmark {

struct ReferenceRow {
    double lse;
    double target_logit;  // NaN if the row's target is no class
};

std::vector<ReferenceRow> reference_rows(const Operands &operands, const Variant &variant,
                                         const std::vector<int64_t> &rows, cudaStream_t stream);

}  // namespace cce::benchmark
