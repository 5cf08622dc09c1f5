// Every status of CUDA, cuBLAS and libcce passes through here: a failure ends the program with exit code 2.
#pragma once

#include <cuda_runtime.h>

#include <cstdint>

namespace cce::benchmark {

[[noreturn]] __attribute__((format(printf, 1, 2))) void die(const char *pattern, ...);

// `doing` completes "failed while ...".
void check(cudaError_t error, const char *doing);
void check_cce(int32_t status, const char *doing);

}  // namespace cce::benchmark
