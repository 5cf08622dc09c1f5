// The workloads, as the command line and the report name them; workload.h says what they are.
#pragma once

namespace cce::benchmark {

constexpr const char *kGemmaLike = "gemma_like";
constexpr const char *kDense = "dense";
constexpr const char *kTrainedHead = "trained";

}  // namespace cce::benchmark
