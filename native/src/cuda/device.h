// CUDA devices: which one is current, and what they are.
#pragma once

#include "cce.h"

namespace cce::cuda {

// Makes `device` current for this thread and gives the caller's device back at the end of the scope.
class DeviceGuard {
public:
    explicit DeviceGuard(int32_t device);
    ~DeviceGuard();
    DeviceGuard(const DeviceGuard &) = delete;
    DeviceGuard &operator=(const DeviceGuard &) = delete;

    // CCE_OK if `device` is current now.
    int32_t status() const { return status_; }

private:
    int previous_ = 0;
    bool changed_ = false;
    int32_t status_;
};

// What the choice of kernels and their schedules depends on.
struct DeviceTraits {
    int32_t compute_major;
    int32_t compute_minor;
    int32_t multiprocessors;
    int32_t l2_bytes;
    int32_t shared_bytes;  // most of a thread block
};

// Asks the driver once per device.
const DeviceTraits &traits_of(int32_t device);

int32_t query(int32_t device, cce_device_properties *properties);
int32_t text(int32_t device, int32_t what, char *buffer, int64_t capacity);
int32_t synchronize(int32_t device);

}  // namespace cce::cuda
