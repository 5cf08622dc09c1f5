// Forward and backward on the device, with their memory.
#pragma once

#include "cuda/backward_case.h"
#include "cuda/forward_run.h"

namespace cce::test {

// What backward writes; what was not asked for is empty.
struct BackwardResults {
    Array embeddings, classifier, bias, report;
};

bool same_bits(const BackwardResults &a, const BackwardResults &b);

class DeviceBackward {
public:
    explicit DeviceBackward(const BackwardCase &c);

    // What comes in through backward, of another case of the same shape.
    void upload(const BackwardCase &c);
    // State, workspaces and gradients; a gradient that is added to gets what it is added to.
    void poison(int byte);
    // The state as the case has it, by forward or from an lse.
    int32_t enqueue_state(const cce_inputs &inputs, cudaStream_t stream);
    int32_t enqueue_gradients(const cce_inputs &inputs, cudaStream_t stream);
    // Whether forward left all candidates for filtered gradients in the state; and as if it had left none. Both wait for
    // the device.
    bool has_all_candidates() const;
    void forget_candidates();
    // How many classes backward multiplied beside the lists. Waits for the device.
    int64_t frequent_classes() const;
    // Waits for the device.
    BackwardResults results() const;
    bool intact() const;

    const DeviceBuffer &state() const { return forward_.state(); }

private:
    bool asks_for(int32_t gradient) const { return (case_.asked & gradient) != 0; }

    BackwardCase case_;
    DeviceForward forward_;
    DeviceBuffer grad_loss_, grad_lse_, embeddings_, classifier_, bias_, report_, workspace_;
};

// All of it once: memory poisoned with `byte`, forward and backward on `stream`, which must succeed and leave the
// guards, and backward the state, as they were.
BackwardResults run_backward(const BackwardCase &c, const DeviceInputs &inputs, int byte, cudaStream_t stream);

// Whether forward leaves all candidates.
bool leaves_all_candidates(const BackwardCase &c, const DeviceInputs &inputs);

// How many classes backward multiplies beside the lists.
int64_t frequent_classes(const BackwardCase &c, const DeviceInputs &inputs);

// As run_backward, with the logits of live segments computed again, though forward may have left candidates.
BackwardResults run_backward_without_candidates(const BackwardCase &c, const DeviceInputs &inputs);

}  // namespace cce::test
