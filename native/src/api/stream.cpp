// cce.h, "streams and events".
#include "common/backend.h"
#include "common/status.h"

using namespace cce;

namespace {

int32_t check_handle(const char *name, const void *handle) {
    return handle != nullptr ? CCE_OK : fail(CCE_ERROR_INVALID_ARGUMENT, "%s is NULL", name);
}

}  // namespace

int32_t cce_stream_create(int32_t device, void **stream) {
    const Backend *backend = nullptr;
    CCE_TRY(backend_of(device, &backend));
    CCE_TRY(check_handle("stream", stream));
    return backend->stream_create(device, stream);
}

int32_t cce_stream_destroy(int32_t device, void *stream) {
    const Backend *backend = nullptr;
    CCE_TRY(backend_of(device, &backend));
    return stream == nullptr ? CCE_OK : backend->stream_destroy(device, stream);
}

int32_t cce_stream_synchronize(int32_t device, void *stream) {
    const Backend *backend = nullptr;
    CCE_TRY(backend_of(device, &backend));
    return backend->stream_synchronize(device, stream);
}

int32_t cce_event_create(int32_t device, void **event) {
    const Backend *backend = nullptr;
    CCE_TRY(backend_of(device, &backend));
    CCE_TRY(check_handle("event", event));
    return backend->event_create(device, event);
}

int32_t cce_event_destroy(int32_t device, void *event) {
    const Backend *backend = nullptr;
    CCE_TRY(backend_of(device, &backend));
    return event == nullptr ? CCE_OK : backend->event_destroy(device, event);
}

int32_t cce_event_record(int32_t device, void *event, void *stream) {
    const Backend *backend = nullptr;
    CCE_TRY(backend_of(device, &backend));
    CCE_TRY(check_handle("event", event));
    return backend->event_record(device, event, stream);
}

int32_t cce_event_synchronize(int32_t device, void *event) {
    const Backend *backend = nullptr;
    CCE_TRY(backend_of(device, &backend));
    CCE_TRY(check_handle("event", event));
    return backend->event_synchronize(device, event);
}

int32_t cce_event_wait(int32_t device, void *event, void *stream) {
    const Backend *backend = nullptr;
    CCE_TRY(backend_of(device, &backend));
    CCE_TRY(check_handle("event", event));
    return backend->event_wait(device, event, stream);
}

int32_t cce_event_elapsed(int32_t device, void *start, void *end, float *milliseconds) {
    const Backend *backend = nullptr;
    CCE_TRY(backend_of(device, &backend));
    CCE_TRY(check_handle("start", start));
    CCE_TRY(check_handle("end", end));
    CCE_TRY(check_handle("milliseconds", milliseconds));
    return backend->event_elapsed(device, start, end, milliseconds);
}
