#include "cuda/forward_run.h"

#include "support/check.h"

namespace cce::test {
namespace {

int64_t off(bool unaligned, int32_t dtype) { return unaligned ? dtype_bytes(dtype) : 0; }

Array download(const DeviceBuffer &from, bool wanted) {
    Array array;
    if (!wanted) return array;
    array.resize(from.bytes() / dtype_bytes(CCE_F32), CCE_F32);
    from.download(array.buffer.data());
    return array;
}

}  // namespace

int64_t state_bytes(const cce_problem &problem) {
    int64_t bytes = 0;
    require_ok(cce_state_bytes(&problem, &bytes), "cce_state_bytes");
    return bytes;
}

int64_t workspace_bytes(const cce_problem &problem, int32_t passes) {
    int64_t bytes = 0;
    require_ok(cce_workspace_bytes(&problem, passes, &bytes), "cce_workspace_bytes");
    return bytes;
}

DeviceInputs::DeviceInputs(const ForwardCase &c)
    : has_bias_(c.has_bias),
      has_class_weights_(c.has_class_weights),
      has_token_weights_(c.has_token_weights),
      embeddings_(c.embeddings.buffer.bytes(), off(c.embeddings_unaligned, c.spec.dtype)),
      classifier_(c.classifier.buffer.bytes(), off(c.classifier_unaligned, c.spec.dtype)),
      bias_(c.bias.buffer.bytes(), off(c.others_unaligned, c.spec.bias_dtype)),
      targets_(c.target_buffer.bytes(), off(c.others_unaligned, c.spec.target_dtype)),
      class_weights_(c.class_weights.buffer.bytes(), off(c.others_unaligned, CCE_F32)),
      token_weights_(c.token_weights.buffer.bytes(), off(c.others_unaligned, CCE_F32)) {
    upload(c);
}

void DeviceInputs::upload(const ForwardCase &c) {
    embeddings_.upload(c.embeddings.buffer.data());
    classifier_.upload(c.classifier.buffer.data());
    bias_.upload(c.bias.buffer.data());
    targets_.upload(c.target_buffer.data());
    class_weights_.upload(c.class_weights.buffer.data());
    token_weights_.upload(c.token_weights.buffer.data());
}

cce_inputs DeviceInputs::view() const {
    cce_inputs in = {};
    in.struct_size = sizeof in;
    in.embeddings = embeddings_.data();
    in.classifier = classifier_.data();
    in.bias = has_bias_ ? bias_.data() : nullptr;
    in.targets = targets_.data();
    in.class_weights = has_class_weights_ ? class_weights_.data() : nullptr;
    in.token_weights = has_token_weights_ ? token_weights_.data() : nullptr;
    return in;
}

bool DeviceInputs::intact() const {
    for (const DeviceBuffer *buffer : {&embeddings_, &classifier_, &bias_, &targets_, &class_weights_, &token_weights_})
        if (!buffer->intact()) return false;
    return true;
}

DeviceForward::DeviceForward(const cce_problem &problem, const ForwardCase &c)
    : problem_(problem),
      wanted_(c.wanted),
      loss_((problem.reduction == CCE_REDUCTION_NONE ? c.rows() : 1) * 4, off(c.others_unaligned, CCE_F32)),
      lse_(c.rows() * 4, off(c.others_unaligned, CCE_F32)),
      target_logit_(c.rows() * 4, off(c.others_unaligned, CCE_F32)),
      argmax_(c.rows() * 8, off(c.others_unaligned, CCE_I64)),
      entropy_(c.rows() * 4, off(c.others_unaligned, CCE_F32)),
      state_(state_bytes(problem)),
      workspace_(workspace_bytes(problem, CCE_PASS_FORWARD)) {}

void DeviceForward::poison(int byte) {
    for (DeviceBuffer *buffer : {&loss_, &lse_, &target_logit_, &argmax_, &entropy_, &state_, &workspace_})
        buffer->poison(byte);
}

int32_t DeviceForward::enqueue(const cce_inputs &inputs, cudaStream_t stream) {
    cce_outputs out = {};
    out.struct_size = sizeof out;
    out.loss = loss_.data();
    out.lse = wanted_.lse ? lse_.data() : nullptr;
    out.target_logit = wanted_.target_logit ? target_logit_.data() : nullptr;
    out.argmax = wanted_.argmax ? argmax_.data() : nullptr;
    out.entropy = wanted_.entropy ? entropy_.data() : nullptr;
    return cce_forward(&problem_, &inputs, &out, state_.data(), state_.bytes(), workspace_.data(), workspace_.bytes(),
                       stream);
}

int32_t DeviceForward::enqueue_made_state(const cce_inputs &inputs, cudaStream_t stream) {
    const int32_t status =
        cce_log_sum_exp(&problem_, &inputs, lse_.data(), workspace_.data(), workspace_.bytes(), stream);
    if (status != CCE_OK) return status;
    return cce_make_state(&problem_, &inputs, lse_.data(), state_.data(), state_.bytes(), workspace_.data(),
                          workspace_.bytes(), stream);
}

ForwardResults DeviceForward::results() const {
    require(cudaDeviceSynchronize(), "waiting for forward");
    ForwardResults results;
    results.loss = download(loss_, true);
    results.lse = download(lse_, wanted_.lse);
    results.target_logit = download(target_logit_, wanted_.target_logit);
    results.entropy = download(entropy_, wanted_.entropy);
    if (wanted_.argmax) {
        results.argmax.resize(argmax_.bytes());
        argmax_.download(results.argmax.data());
    }
    return results;
}

bool DeviceForward::intact() const {
    for (const DeviceBuffer *buffer : {&loss_, &lse_, &target_logit_, &argmax_, &entropy_, &state_, &workspace_})
        if (!buffer->intact()) return false;
    return true;
}

int32_t DeviceForward::check_state(int64_t *valid) const {
    return cce_check(&problem_, state_.data(), state_.bytes(), valid, nullptr);
}

ForwardResults run_forward(const cce_problem &problem, const ForwardCase &c, const DeviceInputs &inputs, int byte,
                           cudaStream_t stream) {
    DeviceForward forward(problem, c);
    forward.poison(byte);
    require_ok(forward.enqueue(inputs.view(), stream), "cce_forward");
    ForwardResults results = forward.results();
    check(forward.intact(), "guards of outputs, state and workspace");
    check(inputs.intact(), "guards of the inputs");
    int64_t valid = -1;
    require_ok(forward.check_state(&valid), "cce_check");
    check(valid == c.valid(), "the number of valid positions", static_cast<double>(valid),
          static_cast<double>(c.valid()));
    return results;
}

}  // namespace cce::test
