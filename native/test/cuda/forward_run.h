// Forward on the device, with its memory.
#pragma once

#include "cuda/device_buffer.h"
#include "cuda/forward_case.h"
#include "cuda/runtime.h"
#include "support/compare.h"

namespace cce::test {

int64_t state_bytes(const cce_problem &problem);
int64_t workspace_bytes(const cce_problem &problem, int32_t passes);

class DeviceInputs {
public:
    explicit DeviceInputs(const ForwardCase &c);
    // Other values of the same shape.
    void upload(const ForwardCase &c);
    cce_inputs view() const;
    bool intact() const;

private:
    bool has_bias_, has_class_weights_, has_token_weights_;
    DeviceBuffer embeddings_, classifier_, bias_, targets_, class_weights_, token_weights_;
};

class DeviceForward {
public:
    // Outputs as `c` wants and aligns them.
    DeviceForward(const cce_problem &problem, const ForwardCase &c);

    // Outputs, state and workspace.
    void poison(int byte);
    int32_t enqueue(const cce_inputs &inputs, cudaStream_t stream);
    // cce_log_sum_exp and cce_make_state instead, which write the lse and the state alone.
    int32_t enqueue_made_state(const cce_inputs &inputs, cudaStream_t stream);
    // Waits for the device.
    ForwardResults results() const;
    bool intact() const;
    // cce_check of the state; `valid` as there.
    int32_t check_state(int64_t *valid) const;

    const DeviceBuffer &state() const { return state_; }

private:
    cce_problem problem_;
    Wanted wanted_;
    DeviceBuffer loss_, lse_, target_logit_, argmax_, entropy_, state_, workspace_;
};

// All of it once: buffers poisoned with `byte`, forward on `stream`, which must succeed, and guards that stay intact.
ForwardResults run_forward(const cce_problem &problem, const ForwardCase &c, const DeviceInputs &inputs, int byte,
                           cudaStream_t stream);

}  // namespace cce::test
