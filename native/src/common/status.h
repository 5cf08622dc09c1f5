// The status of a call and the words that go with it.
#pragma once

#include "cce.h"

namespace cce {

// Records the message for this thread's cce_last_error() and returns `status`.
__attribute__((format(printf, 2, 3))) int32_t fail(int32_t status, const char *format, ...);

}  // namespace cce

// Returns from the enclosing function with the status of `call` unless it is CCE_OK.
#define CCE_TRY(call)                                      \
    do {                                                   \
        const int32_t cce_try_status = (call);             \
        if (cce_try_status != CCE_OK) return cce_try_status; \
    } while (0)
