// The CPU as a device: what it is, its memory, and the streams and events that it does not need.
#pragma once

#include "common/backend.h"

namespace cce::cpu {

int32_t query(int32_t device, cce_device_properties *properties);
int32_t text(int32_t device, int32_t what, char *buffer, int64_t capacity);
int32_t synchronize(int32_t device);

int32_t allocate(int32_t device, int64_t bytes, void *stream, void **pointer);
int32_t free(int32_t device, void *pointer, void *stream);
int32_t copy(int32_t device, int32_t direction, void *to, const void *from, int64_t bytes, void *stream);
int32_t fill(int32_t device, void *pointer, int32_t value, int64_t bytes, void *stream);
int32_t check_pointer(int32_t device, const void *pointer, int64_t bytes);

int32_t stream_create(int32_t device, void **stream);
int32_t stream_destroy(int32_t device, void *stream);
int32_t stream_synchronize(int32_t device, void *stream);
int32_t event_create(int32_t device, void **event);
int32_t event_destroy(int32_t device, void *event);
int32_t event_record(int32_t device, void *event, void *stream);
int32_t event_synchronize(int32_t device, void *event);
int32_t event_wait(int32_t device, void *event, void *stream);
int32_t event_elapsed(int32_t device, void *start, void *end, float *milliseconds);

}  // namespace cce::cpu
