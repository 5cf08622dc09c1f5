// The CUDA backend: makes the problem's device current and hands over.
#include <algorithm>

#include "common/backend.h"
#include "common/status.h"
#include "cuda/backward/backward.h"
#include "cuda/check.h"
#include "cuda/device.h"
#include "cuda/dispatch.h"
#include "cuda/forward/forward.h"
#include "cuda/memory.h"
#include "cuda/stream.h"

namespace cce {
namespace cuda {
namespace {

int64_t workspace_bytes(const Problem &p, int32_t passes) {
    return std::max(passes & CCE_PASS_FORWARD ? forward_workspace_bytes(p) : 0,
                    passes & CCE_PASS_BACKWARD ? backward_workspace_bytes(p) : 0);
}

int32_t read_header(const Problem &p, const State &state, StateHeader *header, void *stream) {
    return copy(p.spec.device, CCE_COPY_DEVICE_TO_HOST, header, state.header, sizeof(StateHeader), stream);
}

}  // namespace
}  // namespace cuda

const Backend &cuda_backend() {
    static const Backend backend = {
        cuda::query,
        cuda::text,
        cuda::synchronize,
        cuda::allocate,
        cuda::free,
        cuda::copy,
        cuda::fill,
        cuda::check_pointer,
        cuda::stream_create,
        cuda::stream_destroy,
        cuda::stream_synchronize,
        cuda::event_create,
        cuda::event_destroy,
        cuda::event_record,
        cuda::event_synchronize,
        cuda::event_wait,
        cuda::event_elapsed,
        cuda::keeps_logits,
        cuda::candidate_pairs,
        cuda::workspace_bytes,
        cuda::indexed_dot,
        cuda::log_sum_exp,
        cuda::make_state,
        cuda::forward,
        cuda::backward,
        cuda::read_header,
    };
    return backend;
}

}  // namespace cce
