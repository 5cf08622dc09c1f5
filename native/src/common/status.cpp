#include "common/status.h"

#include <cstdarg>
#include <cstdio>
#include <cstring>

namespace cce {
namespace {

constexpr int kMessageCapacity = 1024;
thread_local char message[kMessageCapacity];

}  // namespace

int32_t fail(int32_t status, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(message, kMessageCapacity, format, arguments);
    va_end(arguments);
    return status;
}

}  // namespace cce

int64_t cce_last_error(void *buffer, int64_t capacity) {
    const int64_t length = static_cast<int64_t>(strlen(cce::message));
    if (buffer != nullptr && capacity > 0) {
        const int64_t copied = length < capacity ? length : capacity - 1;
        memcpy(buffer, cce::message, copied);
        static_cast<char *>(buffer)[copied] = '\0';
    }
    return length;
}
