#include "head/head.h"

#include <cstring>

#include "head/family.h"

namespace cce::benchmark {
namespace {

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
    p.filter_embeddings = CCE_FILTER_AUTO;
    p.filter_classifier = CCE_FILTER_AUTO;
    p.device = device;
    p.dtype = cce_dtype(operands.dtype);
    p.bias_dtype = CCE_F32;
    p.target_dtype = CCE_I64;
    p.reduction = CCE_REDUCTION_MEAN;
    p.gradients = variant.gradients ? CCE_GRADIENT_EMBEDDINGS | CCE_GRADIENT_CLASSIFIER : 0;
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
    int64_t bytes = 0;
    check_cce(cce_workspace_bytes(&problem, CCE_PASS_FORWARD, &bytes), "asking for the size of the workspace");
    return bytes;
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
      entropy_(variant.argmax_and_entropy ? operands.shape.tokens : 1), state_(state_bytes(problem_, variant)),
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
}

void Head::forward(cudaStream_t stream) const {
    const ForcedFamily forced(variant_.family);
    check_cce(cce_forward(&problem_, &inputs_, &outputs_, state_.data(), state_.bytes(), workspace_.data(),
                          workspace_.bytes(), stream),
              "computing forward");
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

void Head::poison(cudaStream_t stream) const {
    for (const Buffer<float> *buffer : {&loss_, &lse_, &target_logit_, &entropy_}) buffer->poison(stream);
    argmax_.poison(stream);
    state_.poison(stream);
    workspace_.poison(stream);
}

}  // namespace cce::benchmark
