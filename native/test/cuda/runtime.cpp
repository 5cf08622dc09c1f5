#include "cuda/runtime.h"

#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "support/check.h"

namespace cce::test {
namespace {

[[noreturn]] void give_up(const char *doing, const char *why) {
    printf("FAILED %s: %s\n    in %s\n", doing, why, current.c_str());
    exit(1);
}

}  // namespace

void require(cudaError_t error, const char *doing) {
    if (error != cudaSuccess) give_up(doing, cudaGetErrorString(error));
}

void require_ok(int32_t status, const char *doing) {
    if (status == CCE_OK) return;
    char message[1024];
    cce_last_error(message, sizeof message);
    give_up(doing, message);
}

bool choose_family(int32_t device, const char *family) {
    setenv("CCE_KERNEL", family, 1);
    char name[64];
    require_ok(cce_device_text(device, CCE_TEXT_KERNELS, name, sizeof name), "asking for the kernel family");
    return strcmp(name, family) == 0;
}

}  // namespace cce::test
