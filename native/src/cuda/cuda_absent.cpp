// The CUDA backend of a library built without CUDA: no device exists, so nothing here is reached through the C API.
#include "common/backend.h"
#include "common/status.h"

namespace cce {
namespace {

// A function of any signature that says so.
template <typename... Arguments>
int32_t absent(Arguments...) {
    return fail(CCE_ERROR_NO_DEVICE, "this library was built without CUDA");
}

bool keeps_nothing(const Problem &) { return false; }

int64_t no_candidates(const Problem &) { return 0; }

int64_t no_workspace(const Problem &, int32_t) { return 0; }

}  // namespace

int32_t cuda_device_count() { return 0; }

const Backend &cuda_backend() {
    static const Backend backend = {
        absent, absent, absent, absent, absent, absent, absent, absent, absent, absent, absent, absent,
        absent, absent, absent, absent, absent, keeps_nothing, no_candidates, no_workspace,
        absent, absent, absent, absent, absent, absent,
    };
    return backend;
}

}  // namespace cce
