#include "device/check.h"

#include <cstdarg>
#include <cstdio>
#include <cstdlib>

#include "cce.h"

namespace cce::benchmark {

void die(const char *pattern, ...) {
    va_list arguments;
    va_start(arguments, pattern);
    vfprintf(stderr, pattern, arguments);
    va_end(arguments);
    fputc('\n', stderr);
    exit(2);
}

void check(cudaError_t error, const char *doing) {
    if (error != cudaSuccess)
        die("CUDA failed while %s: %s (%s)", doing, cudaGetErrorString(error), cudaGetErrorName(error));
}

void check_cce(int32_t status, const char *doing) {
    if (status == CCE_OK) return;
    char message[1024] = "";
    cce_last_error(message, sizeof message);
    die("libcce failed while %s: status %d, %s", doing, status, message);
}

}  // namespace cce::benchmark
