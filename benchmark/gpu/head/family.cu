#include "head/family.h"

#include <cstdlib>

#include "cce.h"
#include "device/check.h"

namespace cce::benchmark {
namespace {

constexpr const char *kVariable = "CCE_KERNEL";

void set(const std::string &name) {
    if (name.empty()) {
        unsetenv(kVariable);
    } else {
        setenv(kVariable, name.c_str(), 1);
    }
}

}  // namespace

ForcedFamily::ForcedFamily(const std::string &name) {
    const char *before = getenv(kVariable);
    if (before != nullptr) before_ = before;
    set(name);
}

ForcedFamily::~ForcedFamily() { set(before_); }

std::string family_name(int device) {
    char name[64] = "";
    check_cce(cce_device_text(device, CCE_TEXT_KERNELS, name, sizeof name), "asking for the kernel family");
    return name;
}

}  // namespace cce::benchmark
