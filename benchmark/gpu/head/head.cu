#include "head/head.h"

#include <cstring>

#include "device/hash.h"
#include "head/family.h"

namespace cce::benchmark {
namespace {

int32_t gradient_mask(const Operands &operands) {
    return CCE_GRADIENT_EMBEDDINGS | CCE_GRADIENT_CLASSIFIER | (operands.bias != nullptr ? CCE_GRADIENT_BIAS : 0);
}

cce_problem problem_of(int device, const Operands &operands, const Variant &variant) {
    cce_problem p = {};
    p.struct_size = sizeof p;
    p.batch = 1;
    p.time = operands.shape.tokens;
    p.classes = operands.shape.classes;
    p.hidden = operands.shape.hidden;
    p.ignore_index = -100;
    p.softcap = variant.softcap;
    p.temperature = variant.temperature;
    p.label_smoothing = variant.label_smoothing;
    p.filter_embeddings = variant.filter;
    p.filter_classifier = variant.filter;
    p.max_dropped_mass = variant.max_dropped_mass;
    p.kept_logits_bytes = variant.kept_logits_bytes;
    p.device = device;
    p.dtype = cce_dtype(operands.dtype);
    p.bias_dtype = CCE_F32;
    p.target_dtype = CCE_I64;
    p.reduction = CCE_REDUCTION_MEAN;
    p.gradients = variant.gradients == Gradients::kNone ? 0 : gradient_mask(operands);
    return p;
}

int64_t state_bytes(const cce_problem &problem, const Variant &variant) {
    const ForcedFamily forced(variant.family);
    int64_t bytes = 0;
    check_cce(cce_state_bytes(&problem, &bytes), "asking for the size of the state");
    return bytes;
}

int64_t workspace_bytes(const cce_problem &problem, const Variant &variant) {
    const ForcedFamily forced(variant.family);
    const int32_t passes =
        variant.gradients == Gradients::kComputed ? CCE_PASS_FORWARD | CCE_PASS_BACKWARD : CCE_PASS_FORWARD;
    int64_t bytes = 0;
    check_cce(cce_workspace_bytes(&problem, passes, &bytes), "asking for the size of the workspace");
    return bytes;
}

int64_t gradient_width(const Variant &variant) {
    return static_cast<int64_t>(variant.float32_gradients ? sizeof(float) : sizeof(uint16_t));
}

template <typename T>
Buffer<T> gradient(const Variant &variant, int64_t count) {
    return variant.gradients == Gradients::kComputed && count > 0 ? Buffer<T>(count) : Buffer<T>();
}

// Of the size of gradients: 1.1e-5 in bfloat16 and in float32, 4.6e-5 in float16.
int accumulated_into(Dtype dtype) { return dtype == Dtype::kBf16 ? 0x37 : 0x03; }

template <typename T>
void fill(const Buffer<T> &buffer, int byte, cudaStream_t stream) {
    if (buffer.bytes() == 0) return;
    check(cudaMemsetAsync(buffer.data(), byte, static_cast<size_t>(buffer.bytes()), stream), "filling a gradient");
}

bool same(const std::vector<float> &a, const std::vector<float> &b) {
    return a.size() == b.size() && memcmp(a.data(), b.data(), a.size() * sizeof(float)) == 0;
}

}  // namespace

bool same_bits(const Results &a, const Results &b) { return same(a.loss, b.loss) && same(a.lse, b.lse); }

Head::Head(int device, const Operands &operands, const Variant &variant)
    : problem_(problem_of(device, operands, variant)), operands_(operands), variant_(variant), loss_(1),
      lse_(operands.shape.tokens), target_logit_(operands.shape.tokens),
      argmax_(variant.argmax_and_entropy ? operands.shape.tokens : 1),
      entropy_(variant.argmax_and_entropy ? operands.shape.tokens : 1),
      embeddings_gradient_(
          gradient<char>(variant, operands.shape.tokens * operands.shape.hidden * gradient_width(variant))),
      classifier_gradient_(
          gradient<char>(variant, operands.shape.classes * operands.shape.hidden * gradient_width(variant))),
      bias_gradient_(gradient<float>(variant, operands.bias != nullptr ? operands.shape.classes : 0)),
      filter_report_(CCE_REPORT_LENGTH), state_(state_bytes(problem_, variant)),
      workspace_(workspace_bytes(problem_, variant)) {
    inputs_ = {};
    inputs_.struct_size = sizeof inputs_;
    inputs_.embeddings = operands.embeddings;
    inputs_.classifier = operands.classifier;
    inputs_.bias = operands.bias;
    inputs_.targets = operands.targets;
    outputs_ = {};
    outputs_.struct_size = sizeof outputs_;
    outputs_.loss = loss_.data();
    outputs_.lse = lse_.data();
    outputs_.target_logit = target_logit_.data();
    if (variant.argmax_and_entropy) {
        outputs_.argmax = argmax_.data();
        outputs_.entropy = entropy_.data();
    }
    gradients_ = {};
    gradients_.struct_size = sizeof gradients_;
    gradients_.embeddings = embeddings_gradient_.data();
    gradients_.classifier = classifier_gradient_.data();
    gradients_.bias = bias_gradient_.data();
    gradients_.embeddings_dtype = variant.float32_gradients ? CCE_F32 : problem_.dtype;
    gradients_.classifier_dtype = gradients_.embeddings_dtype;
    gradients_.bias_dtype = CCE_F32;
    gradients_.accumulate = variant.accumulate ? gradient_mask(operands) : 0;
}

void Head::forward(cudaStream_t stream) const {
    const ForcedFamily forced(variant_.family);
    check_cce(cce_forward(&problem_, &inputs_, &outputs_, state_.data(), state_.bytes(), workspace_.data(),
                          workspace_.bytes(), stream),
              "computing forward");
}

void Head::backward(cudaStream_t stream) const { backward_into(gradients_, stream); }

void Head::backward_into(const cce_gradients &gradients, cudaStream_t stream) const {
    const ForcedFamily forced(variant_.family);
    check_cce(cce_backward(&problem_, &inputs_, &gradients, state_.data(), state_.bytes(), workspace_.data(),
                           workspace_.bytes(), stream),
              "computing backward");
}

void Head::indexed_dot(cudaStream_t stream) const {
    const ForcedFamily forced(variant_.family);
    check_cce(cce_indexed_dot(&problem_, &inputs_, target_logit_.data(), workspace_.data(), workspace_.bytes(), stream),
              "computing the indexed dot product");
}

Results Head::fresh_results(cudaStream_t stream) const {
    poison(stream);
    forward(stream);
    check_cce(cce_check(&problem_, state_.data(), state_.bytes(), nullptr, stream), "checking the targets");
    return results(stream);
}

Results Head::results(cudaStream_t stream) const {
    return {loss_.read(stream), lse_.read(stream), target_logit_.read(stream)};
}

void Head::fresh_gradients(cudaStream_t stream) const {
    poison(stream);
    forward(stream);
    cce_gradients with_report = gradients_;
    with_report.filter_report = filter_report_.data();
    backward_into(with_report, stream);
    check_cce(cce_check(&problem_, state_.data(), state_.bytes(), nullptr, stream), "checking the targets");
}

GradientBits Head::gradient_bits(cudaStream_t stream) const {
    return {hash(embeddings_gradient_.data(), embeddings_gradient_.bytes(), stream),
            hash(classifier_gradient_.data(), classifier_gradient_.bytes(), stream),
            hash(bias_gradient_.data(), bias_gradient_.bytes(), stream)};
}

void Head::poison(cudaStream_t stream) const {
    for (const Buffer<float> *buffer : {&loss_, &lse_, &target_logit_, &entropy_, &filter_report_})
        buffer->poison(stream);
    const int byte = variant_.accumulate ? accumulated_into(operands_.dtype) : 0xFF;
    fill(embeddings_gradient_, byte, stream);
    fill(classifier_gradient_, byte, stream);
    fill(bias_gradient_, byte, stream);
    argmax_.poison(stream);
    state_.poison(stream);
    workspace_.poison(stream);
}

}  // namespace cce::benchmark
