// The kernel family that libcce is told to use.
#pragma once

#include <string>

namespace cce::benchmark {

// Sets CCE_KERNEL, which libcce reads at every call, until the end of the scope. An empty name leaves the choice to it.
class ForcedFamily {
public:
    explicit ForcedFamily(const std::string &name);
    ForcedFamily(const ForcedFamily &) = delete;
    ~ForcedFamily();

private:
    std::string before_;
};

// The family that libcce tries first on `device`, in the scope of a ForcedFamily the forced one if it has it.
std::string family_name(int device);

}  // namespace cce::benchmark
