// What a device family must offer. The API layer validates; a backend computes.
#pragma once

#include "common/problem.h"
#include "common/state.h"

namespace cce {

// Scratch of one call, at least as long as Backend::workspace_bytes said.
struct Workspace {
    void *base;
    int64_t bytes;
};

// Arguments arrive validated: pointers that must be there are there, buffers are large enough and aligned,
// dtypes are legal, `device` exists. Functions return a status and set the message on failure.
struct Backend {
    int32_t (*query)(int32_t device, cce_device_properties *properties);
    int32_t (*text)(int32_t device, int32_t what, char *buffer, int64_t capacity);

    int32_t (*synchronize)(int32_t device);

    int32_t (*allocate)(int32_t device, int64_t bytes, void *stream, void **pointer);
    int32_t (*free)(int32_t device, void *pointer, void *stream);
    int32_t (*copy)(int32_t device, int32_t direction, void *to, const void *from, int64_t bytes, void *stream);
    int32_t (*fill)(int32_t device, void *pointer, int32_t value, int64_t bytes, void *stream);
    int32_t (*check_pointer)(int32_t device, const void *pointer, int64_t bytes);

    int32_t (*stream_create)(int32_t device, void **stream);
    int32_t (*stream_destroy)(int32_t device, void *stream);
    int32_t (*stream_synchronize)(int32_t device, void *stream);
    int32_t (*event_create)(int32_t device, void **event);
    int32_t (*event_destroy)(int32_t device, void *event);
    int32_t (*event_record)(int32_t device, void *event, void *stream);
    int32_t (*event_synchronize)(int32_t device, void *event);
    int32_t (*event_wait)(int32_t device, void *event, void *stream);
    int32_t (*event_elapsed)(int32_t device, void *start, void *end, float *milliseconds);

    // Whether forward of `p` may keep logits for backward; else spec.kept_logits_bytes is 0 in all that follows.
    bool (*keeps_logits)(const Problem &p);
    // Problem::candidate_pairs.
    int64_t (*candidate_pairs)(const Problem &p);
    int64_t (*workspace_bytes)(const Problem &p, int32_t passes);
    int32_t (*indexed_dot)(const Problem &p, const cce_inputs &in, float *target_logit, Workspace w, void *stream);
    int32_t (*log_sum_exp)(const Problem &p, const cce_inputs &in, float *lse, Workspace w, void *stream);
    int32_t (*make_state)(const Problem &p, const cce_inputs &in, const float *lse, const State &state, Workspace w,
                          void *stream);
    int32_t (*forward)(const Problem &p, const cce_inputs &in, const cce_outputs &out, const State &state, Workspace w,
                       void *stream);
    int32_t (*backward)(const Problem &p, const cce_inputs &in, const cce_gradients &grad, const State &state,
                        Workspace w, void *stream);
    // Copies the header to the host after waiting for `stream`.
    int32_t (*read_header)(const Problem &p, const State &state, StateHeader *header, void *stream);
};

const Backend &cpu_backend();
int32_t cpu_threads();
void cpu_set_threads(int32_t threads);

// In a library built without CUDA, a backend of which no device exists.
const Backend &cuda_backend();
int32_t cuda_device_count();

// The backend of `device`, or CCE_ERROR_NO_DEVICE with what there is.
int32_t backend_of(int32_t device, const Backend **backend);

}  // namespace cce
