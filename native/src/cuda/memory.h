// Device memory: allocation in stream order, copies, fills and what a pointer is.
#pragma once

#include <cstdint>

namespace cce::cuda {

int32_t allocate(int32_t device, int64_t bytes, void *stream, void **pointer);
int32_t free(int32_t device, void *pointer, void *stream);
int32_t copy(int32_t device, int32_t direction, void *to, const void *from, int64_t bytes, void *stream);
int32_t fill(int32_t device, void *pointer, int32_t value, int64_t bytes, void *stream);
int32_t check_pointer(int32_t device, const void *pointer, int64_t bytes);

}  // namespace cce::cuda
