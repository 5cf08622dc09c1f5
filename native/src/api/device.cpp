// cce.h, "version" and "devices".
#include "common/backend.h"
#include "common/status.h"

namespace cce {

int32_t backend_of(int32_t device, const Backend **backend) {
    if (device == CCE_CPU) {
        *backend = &cpu_backend();
        return CCE_OK;
    }
    const int32_t count = cuda_device_count();
    if (device < 0 || device >= count)
        return fail(CCE_ERROR_NO_DEVICE, "there is no device %d: the CPU is %d, and there %s %d CUDA device%s", device,
                    CCE_CPU, count == 1 ? "is" : "are", count, count == 1 ? "" : "s");
    *backend = &cuda_backend();
    return CCE_OK;
}

}  // namespace cce

using namespace cce;

int32_t cce_version(void) { return CCE_VERSION_MAJOR * 1000000 + CCE_VERSION_MINOR * 1000 + CCE_VERSION_PATCH; }

int32_t cce_cuda_device_count(void) { return cuda_device_count(); }

int32_t cce_device_query(int32_t device, cce_device_properties *properties) {
    const Backend *backend = nullptr;
    CCE_TRY(backend_of(device, &backend));
    cce_device_properties filled;
    CCE_TRY(copy_struct(properties, &filled, "properties"));
    CCE_TRY(backend->query(device, &filled));
    filled.struct_size = properties->struct_size;
    *properties = filled;
    return CCE_OK;
}

int32_t cce_device_text(int32_t device, int32_t what, void *buffer, int64_t capacity) {
    const Backend *backend = nullptr;
    CCE_TRY(backend_of(device, &backend));
    if (what < CCE_TEXT_NAME || what > CCE_TEXT_FEATURES)
        return fail(CCE_ERROR_INVALID_ARGUMENT, "what must be CCE_TEXT_NAME, _KERNELS or _FEATURES, but is %d", what);
    if (buffer == nullptr || capacity < 1)
        return fail(CCE_ERROR_INVALID_ARGUMENT, "buffer must hold at least 1 byte, but is %p with a capacity of %lld",
                    buffer, static_cast<long long>(capacity));
    return backend->text(device, what, static_cast<char *>(buffer), capacity);
}

int32_t cce_device_synchronize(int32_t device) {
    const Backend *backend = nullptr;
    CCE_TRY(backend_of(device, &backend));
    return backend->synchronize(device);
}

int32_t cce_cpu_set_threads(int32_t threads) {
    if (threads < 1 || threads > 1024)
        return fail(CCE_ERROR_INVALID_ARGUMENT, "threads must be in [1, 1024], but is %d", threads);
    cpu_set_threads(threads);
    return CCE_OK;
}

int32_t cce_cpu_threads(void) { return cpu_threads(); }
