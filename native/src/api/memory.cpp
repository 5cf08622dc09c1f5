// cce.h, "memory".
#include "common/backend.h"
#include "common/ledger.h"
#include "common/status.h"

using namespace cce;

namespace {

int32_t check_range(const char *name, const void *pointer, int64_t bytes) {
    if (bytes < 0)
        return fail(CCE_ERROR_INVALID_ARGUMENT, "bytes must be >= 0, but is %lld", static_cast<long long>(bytes));
    if (bytes > 0 && pointer == nullptr)
        return fail(CCE_ERROR_INVALID_ARGUMENT, "%s is NULL, but %lld bytes are to be touched", name,
                    static_cast<long long>(bytes));
    return CCE_OK;
}

}  // namespace

int32_t cce_allocate(int32_t device, int64_t bytes, void *stream, void **pointer) {
    const Backend *backend = nullptr;
    CCE_TRY(backend_of(device, &backend));
    if (pointer == nullptr) return fail(CCE_ERROR_INVALID_ARGUMENT, "pointer is NULL");
    if (bytes < 0)
        return fail(CCE_ERROR_INVALID_ARGUMENT, "bytes must be >= 0, but is %lld", static_cast<long long>(bytes));
    void *allocated;
    CCE_TRY(backend->allocate(device, bytes, stream, &allocated));
    Ledger::of(device).add(allocated, bytes);
    *pointer = allocated;
    return CCE_OK;
}

int32_t cce_free(int32_t device, void *pointer, void *stream) {
    const Backend *backend = nullptr;
    CCE_TRY(backend_of(device, &backend));
    if (pointer == nullptr) return CCE_OK;
    if (!Ledger::of(device).remove(pointer))
        return fail(CCE_ERROR_INVALID_ARGUMENT, "%p is not live memory of cce_allocate on device %d", pointer, device);
    return backend->free(device, pointer, stream);
}

int32_t cce_copy(int32_t device, int32_t direction, void *destination, const void *source, int64_t bytes,
                 void *stream) {
    const Backend *backend = nullptr;
    CCE_TRY(backend_of(device, &backend));
    if (direction < CCE_COPY_HOST_TO_DEVICE || direction > CCE_COPY_DEVICE_TO_DEVICE)
        return fail(CCE_ERROR_INVALID_ARGUMENT, "direction must be one of CCE_COPY_*, but is %d", direction);
    CCE_TRY(check_range("destination", destination, bytes));
    CCE_TRY(check_range("source", source, bytes));
    return bytes == 0 ? CCE_OK : backend->copy(device, direction, destination, source, bytes, stream);
}

int32_t cce_fill(int32_t device, void *pointer, int32_t value, int64_t bytes, void *stream) {
    const Backend *backend = nullptr;
    CCE_TRY(backend_of(device, &backend));
    CCE_TRY(check_range("pointer", pointer, bytes));
    return bytes == 0 ? CCE_OK : backend->fill(device, pointer, value, bytes, stream);
}

int32_t cce_check_pointer(int32_t device, const void *pointer, int64_t bytes) {
    const Backend *backend = nullptr;
    CCE_TRY(backend_of(device, &backend));
    CCE_TRY(check_range("pointer", pointer, bytes));
    return bytes == 0 ? CCE_OK : backend->check_pointer(device, pointer, bytes);
}

int32_t cce_memory_query(int32_t device, cce_memory_usage *usage) {
    const Backend *backend = nullptr;
    CCE_TRY(backend_of(device, &backend));
    cce_memory_usage filled;
    CCE_TRY(copy_struct(usage, &filled, "usage"));
    Ledger::of(device).usage(&filled);
    *usage = filled;
    return CCE_OK;
}

int32_t cce_memory_reset_peak(int32_t device) {
    const Backend *backend = nullptr;
    CCE_TRY(backend_of(device, &backend));
    Ledger::of(device).reset_peak();
    return CCE_OK;
}
