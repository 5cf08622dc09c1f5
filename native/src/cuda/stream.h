// Streams and events. Streams of the library do not synchronise with the legacy default stream (NULL).
#pragma once

#include <cstdint>

namespace cce::cuda {

int32_t stream_create(int32_t device, void **stream);
int32_t stream_destroy(int32_t device, void *stream);
int32_t stream_synchronize(int32_t device, void *stream);
int32_t event_create(int32_t device, void **event);
int32_t event_destroy(int32_t device, void *event);
int32_t event_record(int32_t device, void *event, void *stream);
int32_t event_synchronize(int32_t device, void *event);
int32_t event_wait(int32_t device, void *event, void *stream);
int32_t event_elapsed(int32_t device, void *start, void *end, float *milliseconds);

}  // namespace cce::cuda
