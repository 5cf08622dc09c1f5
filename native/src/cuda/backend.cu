// The CUDA backend: makes the problem's device current and hands over to the kernel family that serves it.
#include "common/backend.h"

#include "common/status.h"
#include "cuda/check.h"
#include "cuda/device.h"
#include "cuda/dispatch.h"
#include "cuda/memory.h"
#include "cuda/stream.h"

namespace cce {
namespace cuda {
namespace {

int64_t workspace_bytes(const Problem &p, int32_t passes) { return family_of(p).workspace_bytes(p, passes); }

int32_t indexed_dot(const Problem &p, const cce_inputs &in, float *target_logit, Workspace w, void *stream) {
    const DeviceGuard guard(p.spec.device);
    CCE_TRY(guard.status());
    return family_of(p).indexed_dot(p, in, target_logit, w, static_cast<cudaStream_t>(stream));
}

int32_t log_sum_exp(const Problem &p, const cce_inputs &in, float *lse, Workspace w, void *stream) {
    const DeviceGuard guard(p.spec.device);
    CCE_TRY(guard.status());
    return family_of(p).log_sum_exp(p, in, lse, w, static_cast<cudaStream_t>(stream));
}

int32_t make_state(const Problem &p, const cce_inputs &in, const float *lse, const State &state, Workspace w,
                   void *stream) {
    const DeviceGuard guard(p.spec.device);
    CCE_TRY(guard.status());
    return family_of(p).make_state(p, in, lse, state, w, static_cast<cudaStream_t>(stream));
}

int32_t forward(const Problem &p, const cce_inputs &in, const cce_outputs &out, const State &state, Workspace w,
                void *stream) {
    const DeviceGuard guard(p.spec.device);
    CCE_TRY(guard.status());
    return family_of(p).forward(p, in, out, state, w, static_cast<cudaStream_t>(stream));
}

int32_t backward(const Problem &p, const cce_inputs &in, const cce_gradients &grad, const State &state, Workspace w,
                 void *stream) {
    const DeviceGuard guard(p.spec.device);
    CCE_TRY(guard.status());
    return family_of(p).backward(p, in, grad, state, w, static_cast<cudaStream_t>(stream));
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
