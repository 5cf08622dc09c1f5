#include "cuda/backward_run.h"

#include <cstddef>

#include "common/state.h"
#include "cuda/backward/control.h"
#include "support/check.h"

namespace cce::test {
namespace {

int64_t bytes_of(int64_t count, int32_t dtype) { return count * dtype_bytes(dtype); }
int64_t off(const BackwardCase &c, int32_t dtype) { return c.gradients_unaligned ? dtype_bytes(dtype) : 0; }

Array download(const DeviceBuffer &from, int32_t dtype, bool wanted) {
    Array array;
    if (!wanted) return array;
    array.resize(from.bytes() / dtype_bytes(dtype), dtype);
    from.download(array.buffer.data());
    return array;
}

std::vector<char> contents(const DeviceBuffer &buffer) {
    std::vector<char> bytes(buffer.bytes());
    require(cudaDeviceSynchronize(), "waiting for the device");
    buffer.download(bytes.data());
    return bytes;
}

}  // namespace

bool same_bits(const BackwardResults &a, const BackwardResults &b) {
    return same(a.embeddings.buffer, b.embeddings.buffer) && same(a.classifier.buffer, b.classifier.buffer) &&
           same(a.bias.buffer, b.bias.buffer) && same(a.report.buffer, b.report.buffer);
}

DeviceBackward::DeviceBackward(const BackwardCase &c)
    : case_(c),
      forward_(c.spec, c),
      grad_loss_(c.grad_loss.buffer.bytes(), off(c, CCE_F32)),
      grad_lse_(c.grad_lse.buffer.bytes(), off(c, CCE_F32)),
      embeddings_(bytes_of(c.embeddings.count, c.embeddings_dtype), off(c, c.embeddings_dtype)),
      classifier_(bytes_of(c.classifier.count, c.classifier_dtype), off(c, c.classifier_dtype)),
      bias_(bytes_of(c.spec.classes, c.bias_dtype), off(c, c.bias_dtype)),
      report_(bytes_of(CCE_REPORT_LENGTH, CCE_F32), off(c, CCE_F32)),
      workspace_(workspace_bytes(c.spec, CCE_PASS_BACKWARD)) {
    upload(c);
}

void DeviceBackward::upload(const BackwardCase &c) {
    case_ = c;
    grad_loss_.upload(c.grad_loss.buffer.data());
    grad_lse_.upload(c.grad_lse.buffer.data());
}

void DeviceBackward::poison(int byte) {
    forward_.poison(byte);
    for (DeviceBuffer *buffer : {&embeddings_, &classifier_, &bias_, &report_, &workspace_}) buffer->poison(byte);
    if (case_.accumulate & CCE_GRADIENT_EMBEDDINGS) embeddings_.upload(case_.before_embeddings.buffer.data());
    if (case_.accumulate & CCE_GRADIENT_CLASSIFIER) classifier_.upload(case_.before_classifier.buffer.data());
    if (case_.accumulate & CCE_GRADIENT_BIAS) bias_.upload(case_.before_bias.buffer.data());
}

int32_t DeviceBackward::enqueue_state(const cce_inputs &inputs, cudaStream_t stream) {
    return case_.state_made ? forward_.enqueue_made_state(inputs, stream) : forward_.enqueue(inputs, stream);
}

int32_t DeviceBackward::enqueue_gradients(const cce_inputs &inputs, cudaStream_t stream) {
    cce_gradients grad = {};
    grad.struct_size = sizeof grad;
    grad.grad_loss = case_.has_grad_loss ? grad_loss_.data() : nullptr;
    grad.grad_lse = case_.has_grad_lse ? grad_lse_.data() : nullptr;
    grad.embeddings = asks_for(CCE_GRADIENT_EMBEDDINGS) ? embeddings_.data() : nullptr;
    grad.classifier = asks_for(CCE_GRADIENT_CLASSIFIER) ? classifier_.data() : nullptr;
    grad.bias = asks_for(CCE_GRADIENT_BIAS) ? bias_.data() : nullptr;
    grad.filter_report = case_.wants_report ? report_.data() : nullptr;
    grad.embeddings_dtype = case_.embeddings_dtype;
    grad.classifier_dtype = case_.classifier_dtype;
    grad.bias_dtype = case_.bias_dtype;
    grad.accumulate = case_.accumulate;
    return cce_backward(&case_.spec, &inputs, &grad, state().data(), state().bytes(), workspace_.data(),
                        workspace_.bytes(), stream);
}

bool DeviceBackward::has_all_candidates() const {
    StateHeader header;
    require(cudaDeviceSynchronize(), "waiting for forward");
    require(cudaMemcpy(&header, state().data(), sizeof header, cudaMemcpyDeviceToHost), "reading the state");
    return header.candidate_pairs <= static_cast<uint64_t>(case_.rows() * kCandidateRowPairs);
}

void DeviceBackward::forget_candidates() {
    require(cudaDeviceSynchronize(), "waiting for forward");
    char *const header = static_cast<char *>(state().data());
    require(cudaMemcpy(header + offsetof(StateHeader, candidate_pairs), &kNoCandidates, sizeof kNoCandidates,
                       cudaMemcpyHostToDevice),
            "forgetting candidates");
}

int64_t DeviceBackward::frequent_classes() const {
    cuda::BackwardControl control;  // what the workspace begins with
    require(cudaDeviceSynchronize(), "waiting for backward");
    require(cudaMemcpy(&control, workspace_.data(), sizeof control, cudaMemcpyDeviceToHost), "reading the workspace");
    return control.frequent_classes;
}

BackwardResults DeviceBackward::results() const {
    require(cudaDeviceSynchronize(), "waiting for backward");
    return {download(embeddings_, case_.embeddings_dtype, asks_for(CCE_GRADIENT_EMBEDDINGS)),
            download(classifier_, case_.classifier_dtype, asks_for(CCE_GRADIENT_CLASSIFIER)),
            download(bias_, case_.bias_dtype, asks_for(CCE_GRADIENT_BIAS)),
            download(report_, CCE_F32, case_.wants_report)};
}

bool DeviceBackward::intact() const {
    for (const DeviceBuffer *buffer :
         {&grad_loss_, &grad_lse_, &embeddings_, &classifier_, &bias_, &report_, &workspace_})
        if (!buffer->intact()) return false;
    return forward_.intact();
}

BackwardResults run_backward(const BackwardCase &c, const DeviceInputs &inputs, int byte, cudaStream_t stream) {
    DeviceBackward backward(c);
    backward.poison(byte);
    require_ok(backward.enqueue_state(inputs.view(), stream), "filling the state");
    // Bytes of the state that nobody writes are no business of initcheck's.
    const std::vector<char> state = DeviceBuffer::guarded ? contents(backward.state()) : std::vector<char>();
    require_ok(backward.enqueue_gradients(inputs.view(), stream), "cce_backward");
    BackwardResults results = backward.results();
    check(backward.intact(), "guards of gradients, state and workspace");
    check(inputs.intact(), "guards of the inputs");
    if (DeviceBuffer::guarded) check(state == contents(backward.state()), "backward leaves the state alone");
    return results;
}

bool leaves_all_candidates(const BackwardCase &c, const DeviceInputs &inputs) {
    DeviceBackward backward(c);
    backward.poison(DeviceBuffer::kNan);
    require_ok(backward.enqueue_state(inputs.view(), nullptr), "filling the state");
    return backward.has_all_candidates();
}

int64_t frequent_classes(const BackwardCase &c, const DeviceInputs &inputs) {
    DeviceBackward backward(c);
    backward.poison(DeviceBuffer::kNan);
    require_ok(backward.enqueue_state(inputs.view(), nullptr), "filling the state");
    require_ok(backward.enqueue_gradients(inputs.view(), nullptr), "cce_backward");
    return backward.frequent_classes();
}

BackwardResults run_backward_without_candidates(const BackwardCase &c, const DeviceInputs &inputs) {
    DeviceBackward backward(c);
    backward.poison(DeviceBuffer::kNan);
    require_ok(backward.enqueue_state(inputs.view(), nullptr), "filling the state");
    backward.forget_candidates();
    require_ok(backward.enqueue_gradients(inputs.view(), nullptr), "cce_backward");
    return backward.results();
}

}  // namespace cce::test
