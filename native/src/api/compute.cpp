// cce.h, "compute": validates what the caller gave and hands it to the device's backend.
#include "common/backend.h"
#include "common/status.h"

using namespace cce;

namespace {

int32_t open(const cce_problem *problem, Problem *p, const Backend **backend) {
    CCE_TRY(resolve(problem, p));
    CCE_TRY(backend_of(p->spec.device, backend));
    if (p->spec.kept_logits_bytes > 0 && !(*backend)->keeps_logits(*p)) p->spec.kept_logits_bytes = 0;
    p->candidate_pairs = (*backend)->candidate_pairs(*p);
    return CCE_OK;
}

int32_t require(const char *name, const void *pointer, bool needed) {
    if (pointer != nullptr || !needed) return CCE_OK;
    return fail(CCE_ERROR_INVALID_ARGUMENT, "%s is NULL", name);
}

int32_t require_buffer(const char *name, const void *buffer, int64_t given, int64_t needed) {
    if (given < needed)
        return fail(CCE_ERROR_BUFFER_TOO_SMALL, "%s needs %lld bytes, but has %lld", name,
                    static_cast<long long>(needed), static_cast<long long>(given));
    CCE_TRY(require(name, buffer, needed > 0));
    if (reinterpret_cast<uintptr_t>(buffer) % kAlignment != 0)
        return fail(CCE_ERROR_INVALID_ARGUMENT, "%s must be aligned to %lld bytes, but is %p", name,
                    static_cast<long long>(kAlignment), buffer);
    return CCE_OK;
}

int32_t require_workspace(const Problem &p, const Backend &backend, int32_t pass, Workspace w) {
    return require_buffer("workspace", w.base, w.bytes, backend.workspace_bytes(p, pass));
}

int32_t require_state(const Problem &p, const void *state, int64_t bytes) {
    return require_buffer("state", state, bytes, State::bytes(p));
}

int32_t open_inputs(const Problem &p, const cce_inputs *inputs, bool targets, cce_inputs *in) {
    CCE_TRY(copy_struct(inputs, in, "inputs"));
    const bool any = p.tokens > 0;
    CCE_TRY(require("inputs.embeddings", in->embeddings, any));
    CCE_TRY(require("inputs.classifier", in->classifier, true));
    return require("inputs.targets", in->targets, any && targets);
}

int32_t require_dtype(const char *name, const void *gradient, int32_t dtype, int32_t natural) {
    if (gradient == nullptr || dtype == natural || dtype == CCE_F32) return CCE_OK;
    return fail(CCE_ERROR_INVALID_ARGUMENT, "%s must be %d (as the input) or CCE_F32, but is %d", name, natural, dtype);
}

}  // namespace

int32_t cce_state_bytes(const cce_problem *problem, int64_t *bytes) {
    Problem p;
    const Backend *backend = nullptr;
    CCE_TRY(open(problem, &p, &backend));
    CCE_TRY(require("bytes", bytes, true));
    *bytes = State::bytes(p);
    return CCE_OK;
}

int32_t cce_workspace_bytes(const cce_problem *problem, int32_t passes, int64_t *bytes) {
    Problem p;
    const Backend *backend = nullptr;
    CCE_TRY(open(problem, &p, &backend));
    CCE_TRY(require("bytes", bytes, true));
    if (passes < 1 || passes > (CCE_PASS_FORWARD | CCE_PASS_BACKWARD))
        return fail(CCE_ERROR_INVALID_ARGUMENT, "passes must be a mask of CCE_PASS_*, but is 0x%x", passes);
    *bytes = backend->workspace_bytes(p, passes);
    return CCE_OK;
}

int32_t cce_indexed_dot(const cce_problem *problem, const cce_inputs *inputs, void *target_logit, void *workspace,
                        int64_t workspace_bytes, void *stream) {
    Problem p;
    const Backend *backend = nullptr;
    cce_inputs in;
    const Workspace w{workspace, workspace_bytes};
    CCE_TRY(open(problem, &p, &backend));
    CCE_TRY(open_inputs(p, inputs, true, &in));
    CCE_TRY(require("target_logit", target_logit, p.rows > 0));
    CCE_TRY(require_workspace(p, *backend, CCE_PASS_FORWARD, w));
    return backend->indexed_dot(p, in, static_cast<float *>(target_logit), w, stream);
}

int32_t cce_log_sum_exp(const cce_problem *problem, const cce_inputs *inputs, void *lse, void *workspace,
                        int64_t workspace_bytes, void *stream) {
    Problem p;
    const Backend *backend = nullptr;
    cce_inputs in;
    const Workspace w{workspace, workspace_bytes};
    CCE_TRY(open(problem, &p, &backend));
    CCE_TRY(open_inputs(p, inputs, false, &in));
    CCE_TRY(require("lse", lse, p.rows > 0));
    CCE_TRY(require_workspace(p, *backend, CCE_PASS_FORWARD, w));
    return backend->log_sum_exp(p, in, static_cast<float *>(lse), w, stream);
}

int32_t cce_make_state(const cce_problem *problem, const cce_inputs *inputs, const void *lse, void *state,
                       int64_t state_bytes, void *workspace, int64_t workspace_bytes, void *stream) {
    Problem p;
    const Backend *backend = nullptr;
    cce_inputs in;
    const Workspace w{workspace, workspace_bytes};
    CCE_TRY(open(problem, &p, &backend));
    CCE_TRY(open_inputs(p, inputs, true, &in));
    CCE_TRY(require("lse", lse, p.rows > 0));
    CCE_TRY(require_state(p, state, state_bytes));
    CCE_TRY(require_workspace(p, *backend, CCE_PASS_FORWARD, w));
    return backend->make_state(p, in, static_cast<const float *>(lse), State::at(p, state), w, stream);
}

int32_t cce_forward(const cce_problem *problem, const cce_inputs *inputs, const cce_outputs *outputs, void *state,
                    int64_t state_bytes, void *workspace, int64_t workspace_bytes, void *stream) {
    Problem p;
    const Backend *backend = nullptr;
    cce_inputs in;
    cce_outputs out;
    const Workspace w{workspace, workspace_bytes};
    CCE_TRY(open(problem, &p, &backend));
    CCE_TRY(open_inputs(p, inputs, true, &in));
    CCE_TRY(copy_struct(outputs, &out, "outputs"));
    CCE_TRY(require("outputs.loss", out.loss, p.rows > 0 || p.spec.reduction != CCE_REDUCTION_NONE));
    CCE_TRY(require_state(p, state, state_bytes));
    CCE_TRY(require_workspace(p, *backend, CCE_PASS_FORWARD, w));
    return backend->forward(p, in, out, State::at(p, state), w, stream);
}

int32_t cce_backward(const cce_problem *problem, const cce_inputs *inputs, const cce_gradients *gradients,
                     const void *state, int64_t state_bytes, void *workspace, int64_t workspace_bytes, void *stream) {
    Problem p;
    const Backend *backend = nullptr;
    cce_inputs in;
    cce_gradients grad;
    const Workspace w{workspace, workspace_bytes};
    CCE_TRY(open(problem, &p, &backend));
    CCE_TRY(open_inputs(p, inputs, true, &in));
    CCE_TRY(copy_struct(gradients, &grad, "gradients"));
    const int32_t wanted = (grad.embeddings != nullptr ? CCE_GRADIENT_EMBEDDINGS : 0) |
                           (grad.classifier != nullptr ? CCE_GRADIENT_CLASSIFIER : 0) |
                           (grad.bias != nullptr ? CCE_GRADIENT_BIAS : 0);
    if (wanted & ~p.spec.gradients)
        return fail(CCE_ERROR_INVALID_ARGUMENT,
                    "gradients 0x%x are asked for, but problem.gradients announced only 0x%x", wanted,
                    p.spec.gradients);
    if (grad.bias != nullptr && in.bias == nullptr)
        return fail(CCE_ERROR_INVALID_ARGUMENT, "gradients.bias is asked for, but inputs.bias is NULL");
    CCE_TRY(require_dtype("gradients.embeddings_dtype", grad.embeddings, grad.embeddings_dtype, p.spec.dtype));
    CCE_TRY(require_dtype("gradients.classifier_dtype", grad.classifier, grad.classifier_dtype, p.spec.dtype));
    CCE_TRY(require_dtype("gradients.bias_dtype", grad.bias, grad.bias_dtype, p.spec.bias_dtype));
    CCE_TRY(require_state(p, state, state_bytes));
    CCE_TRY(require_workspace(p, *backend, CCE_PASS_BACKWARD, w));
    return backend->backward(p, in, grad, State::at(p, const_cast<void *>(state)), w, stream);
}

int32_t cce_check(const cce_problem *problem, const void *state, int64_t state_bytes, int64_t *valid, void *stream) {
    Problem p;
    const Backend *backend = nullptr;
    CCE_TRY(open(problem, &p, &backend));
    CCE_TRY(require_state(p, state, state_bytes));
    StateHeader header;
    CCE_TRY(backend->read_header(p, State::at(p, const_cast<void *>(state)), &header, stream));
    if (header.fingerprint != p.fingerprint)
        return fail(CCE_ERROR_STATE, "the state was not filled by a forward of this problem");
    if (valid != nullptr) *valid = header.valid;
    return check_targets(p, header);
}
