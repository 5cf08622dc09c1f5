#include "cuda/stream.h"

#include "cuda/check.h"
#include "cuda/device.h"

namespace cce::cuda {
namespace {

template <typename Call>
int32_t on_device(int32_t device, const char *doing, Call call) {
    const DeviceGuard guard(device);
    CCE_TRY(guard.status());
    return check(call(), doing);
}

cudaStream_t as_stream(void *stream) { return static_cast<cudaStream_t>(stream); }
cudaEvent_t as_event(void *event) { return static_cast<cudaEvent_t>(event); }

}  // namespace

int32_t stream_create(int32_t device, void **stream) {
    return on_device(device, "creating a stream", [=] {
        cudaStream_t created = nullptr;
        const cudaError_t error = cudaStreamCreateWithFlags(&created, cudaStreamNonBlocking);
        *stream = created;
        return error;
    });
}

int32_t stream_destroy(int32_t device, void *stream) {
    return on_device(device, "destroying a stream", [=] { return cudaStreamDestroy(as_stream(stream)); });
}

int32_t stream_synchronize(int32_t device, void *stream) {
    return on_device(device, "waiting for a stream", [=] { return cudaStreamSynchronize(as_stream(stream)); });
}

int32_t event_create(int32_t device, void **event) {
    return on_device(device, "creating an event", [=] {
        cudaEvent_t created = nullptr;
        const cudaError_t error = cudaEventCreate(&created);
        *event = created;
        return error;
    });
}

int32_t event_destroy(int32_t device, void *event) {
    return on_device(device, "destroying an event", [=] { return cudaEventDestroy(as_event(event)); });
}

int32_t event_record(int32_t device, void *event, void *stream) {
    return on_device(device, "recording an event", [=] { return cudaEventRecord(as_event(event), as_stream(stream)); });
}

int32_t event_synchronize(int32_t device, void *event) {
    return on_device(device, "waiting for an event", [=] { return cudaEventSynchronize(as_event(event)); });
}

int32_t event_wait(int32_t device, void *event, void *stream) {
    return on_device(device, "making a stream wait for an event",
                     [=] { return cudaStreamWaitEvent(as_stream(stream), as_event(event)); });
}

int32_t event_elapsed(int32_t device, void *start, void *end, float *milliseconds) {
    return on_device(device, "measuring the time between two events",
                     [=] { return cudaEventElapsedTime(milliseconds, as_event(start), as_event(end)); });
}

}  // namespace cce::cuda
