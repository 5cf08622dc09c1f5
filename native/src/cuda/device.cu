#include "cuda/device.h"

#include <atomic>
#include <cstdio>
#include <mutex>
#include <vector>

#include "common/backend.h"
#include "cuda/check.h"
#include "cuda/dispatch.h"

namespace cce {

int32_t cuda_device_count() {
    static std::atomic<int> known{0};  // only success is kept: a driver may be loaded later
    if (known > 0) return known;
    int count = 0;
    if (cudaGetDeviceCount(&count) != cudaSuccess) {
        cudaGetLastError();
        return 0;
    }
    known = count;
    return count;
}

namespace cuda {

DeviceGuard::DeviceGuard(int32_t device) {
    status_ = check(cudaGetDevice(&previous_), "asking for the current device");
    if (status_ != CCE_OK || previous_ == device) return;
    status_ = check(cudaSetDevice(device), "changing the current device");
    changed_ = status_ == CCE_OK;
}

DeviceGuard::~DeviceGuard() {
    // Cannot fail in a way that the caller could act on: the device was current before.
    if (changed_ && cudaSetDevice(previous_) != cudaSuccess) cudaGetLastError();
}

const DeviceTraits &traits_of(int32_t device) {
    struct Entry {
        std::once_flag once;
        DeviceTraits traits;
    };
    static auto *entries = new std::vector<Entry>(cuda_device_count());
    Entry &entry = (*entries)[device];
    std::call_once(entry.once, [&] {
        // Of a device that exists these are known; should they not be, 0 leaves the plain kernels.
        const auto attribute = [&](cudaDeviceAttr which) {
            int32_t value = 0;
            if (cudaDeviceGetAttribute(&value, which, device) != cudaSuccess) cudaGetLastError();
            return value;
        };
        entry.traits = {attribute(cudaDevAttrComputeCapabilityMajor), attribute(cudaDevAttrComputeCapabilityMinor),
                        attribute(cudaDevAttrMultiProcessorCount), attribute(cudaDevAttrL2CacheSize),
                        attribute(cudaDevAttrMaxSharedMemoryPerBlockOptin)};
    });
    return entry.traits;
}

int32_t query(int32_t device, cce_device_properties *properties) {
    const DeviceGuard guard(device);
    CCE_TRY(guard.status());
    const char *doing = "asking for a device's properties";
    size_t free_memory;
    size_t total_memory;
    CCE_TRY(check(cudaMemGetInfo(&free_memory, &total_memory), doing));
    properties->free_memory = static_cast<int64_t>(free_memory);
    properties->total_memory = static_cast<int64_t>(total_memory);
    const auto attribute = [&](int32_t *value, cudaDeviceAttr which) {
        return check(cudaDeviceGetAttribute(value, which, device), doing);
    };
    CCE_TRY(attribute(&properties->compute_major, cudaDevAttrComputeCapabilityMajor));
    CCE_TRY(attribute(&properties->compute_minor, cudaDevAttrComputeCapabilityMinor));
    CCE_TRY(attribute(&properties->multiprocessors, cudaDevAttrMultiProcessorCount));
    return check(cudaDriverGetVersion(&properties->driver_version), doing);
}

int32_t synchronize(int32_t device) {
    const DeviceGuard guard(device);
    CCE_TRY(guard.status());
    return check(cudaDeviceSynchronize(), "waiting for a device");
}

int32_t text(int32_t device, int32_t what, char *buffer, int64_t capacity) {
    const size_t size = static_cast<size_t>(capacity);
    if (what == CCE_TEXT_KERNELS) {
        snprintf(buffer, size, "%s", family_name(device));
        return CCE_OK;
    }
    cudaDeviceProp properties;
    CCE_TRY(check(cudaGetDeviceProperties(&properties, device), "asking for a device's name"));
    if (what == CCE_TEXT_NAME)
        snprintf(buffer, size, "%s", properties.name);
    else
        snprintf(buffer, size, "compute capability %d.%d", properties.major, properties.minor);
    return CCE_OK;
}

}  // namespace cuda
}  // namespace cce
