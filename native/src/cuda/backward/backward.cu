// The backward pass as a sequence of kernels. Filtered gradients come from filtered/ where that applies. All others
// come from dense products: the vocabulary goes by in chunks; the gradient of a chunk's logits, dz, is recomputed into
// the workspace and multiplied once for dC, which is complete after its chunk, and once for dE, which sums over the
// chunks in float32. Chunks, passes and splits follow from the shape, so every sum has one fixed order.
#include "cuda/backward/backward.h"

#include <algorithm>

#include "cuda/device.h"
#include "cuda/dispatch.h"
#include "cuda/plain/dropped_mass.h"

namespace cce::cuda {
namespace {

// One call, with everything that its steps share.
class Backward {
public:
    Backward(const Problem &p, const cce_inputs &in, const cce_gradients &grad, const State &state, Workspace w,
             cudaStream_t stream)
        : p_(p), in_(in), grad_(grad), state_(state), kernels_(backward_kernels_of(p, in, grad)),
          plan_(kernels_.plan(p)), scratch_(BackwardScratch::at(p, plan_, kernels_.dz_bytes, w.base)), stream_(stream),
          logits_(Logits::of(p, in, &scratch_.control->valid, state.valid_rows)) {}

    int32_t run() const {
        const bool by_lists = filtered::applies(p_);
        CCE_TRY(begin_backward(p_, state_, grad_.grad_lse != nullptr, !by_lists, scratch_.control, stream_));
        CCE_TRY(list_tokens(p_, logits_, scratch_.tokens, stream_));
        const LossGradient gradient = {state_.lse, static_cast<const float *>(grad_.grad_loss),
                                       static_cast<const float *>(grad_.grad_lse), state_.header};
        CCE_TRY(row_gradients(p_, logits_, gradient, scratch_.rows, stream_));
        if (wants_embeddings()) CCE_TRY(clear_embeddings());
        if (!by_lists) {
            CCE_TRY(settle_filters());
            return dense_gradients();
        }
        CCE_TRY(filtered_gradients());
        return has_limit() ? dense_gradients() : CCE_OK;
    }

private:
    bool wants_embeddings() const { return grad_.embeddings != nullptr; }
    bool wants_classifier() const { return grad_.classifier != nullptr || grad_.bias != nullptr; }
    bool adds(int32_t gradient) const { return (grad_.accumulate & gradient) != 0; }
    bool filters_embeddings() const { return wants_embeddings() && p_.spec.filter_embeddings > 0.0; }
    bool filters_classifier() const { return wants_classifier() && p_.spec.filter_classifier > 0.0; }
    bool has_limit() const { return p_.spec.max_dropped_mass > 0.0; }
    float *report() const { return static_cast<float *>(grad_.filter_report); }

    // With a limit, dense products follow, and do nothing unless it was exceeded.
    int32_t filtered_gradients() const {
        const bool asked = report() != nullptr || has_limit();
        const Block all = {0, p_.rows, 0, p_.spec.classes, 0};
        const GradientStore embeddings = {grad_.embeddings, grad_.embeddings_dtype, adds(CCE_GRADIENT_EMBEDDINGS),
                                          scratch_.tokens, p_.spec.hidden, scratch_.control};
        const filtered::Pass pass = {p_, logits_, state_, scratch_.tokens, scratch_.rows, scratch_.control,
                                     scratch_.lists, embeddings, classifier_store(all), bias_store(all), stream_};
        CCE_TRY(pass.prepare());
        CCE_TRY(has_limit() ? pass.measure() : pass.gradients(asked));
        if (asked)
            CCE_TRY(decide_filters(p_, scratch_.lists.dropped, 1, filters_embeddings(), filters_classifier(),
                                   scratch_.control, report(), stream_));
        return has_limit() ? pass.gradients(false) : CCE_OK;
    }

    int32_t dense_gradients() const {
        if (!wants_embeddings() && !wants_classifier()) return CCE_OK;
        for (int64_t first_class = 0; first_class < p_.spec.classes; first_class += plan_.chunk)
            CCE_TRY(chunk(first_class));
        return wants_embeddings() ? finish_embeddings() : CCE_OK;
    }

    int32_t dz_dtype() const { return kernels_.dz_bytes == sizeof(float) ? CCE_F32 : p_.spec.dtype; }

    // dE is summed where it belongs if that is float32.
    bool sums_embeddings_in_place() const { return grad_.embeddings_dtype == CCE_F32; }

    // Measures what the filters drop only if someone asks.
    int32_t settle_filters() const {
        if (report() == nullptr && !has_limit()) return CCE_OK;
        const auto splits = plain::VocabularySplits::of(p_);
        float *dropped = filters_embeddings() || filters_classifier() ? scratch_.dropped : nullptr;
        if (dropped != nullptr)
            CCE_TRY(plain::dropped_mass(p_, logits_, splits, state_.lse, scratch_.control, dropped, stream_));
        return decide_filters(p_, dropped, splits.count, filters_embeddings(), filters_classifier(), scratch_.control,
                              report(), stream_);
    }

    // Rows of E that no counting position reads have no gradient.
    int32_t clear_embeddings() const {
        return gradient_clear(grad_.embeddings, grad_.embeddings_dtype, p_.tokens * p_.spec.hidden,
                              adds(CCE_GRADIENT_EMBEDDINGS), scratch_.control, stream_);
    }

    int32_t chunk(int64_t first_class) const {
        Block block;
        block.first_class = first_class;
        block.classes = std::min(plan_.chunk, p_.spec.classes - first_class);
        block.pitch = plan_.chunk;
        for (int64_t pass = 0; pass < plan_.passes; ++pass) {
            block.first_row = pass * plan_.pass;
            block.rows = std::min(plan_.pass, p_.rows - block.first_row);
            CCE_TRY(pass_of_chunk(block));
        }
        if (grad_.classifier != nullptr && plan_.passes > 1)
            CCE_TRY(gradient_sum(scratch_.classifier, 1, block.classes, nullptr, 0, classifier_store(block), stream_));
        if (grad_.bias == nullptr) return CCE_OK;
        return bias_gradient(scratch_.column_sums, block, scratch_.control, bias_store(block), stream_);
    }

    int32_t pass_of_chunk(const Block &block) const {
        const bool two = plan_.separate_dz && wants_embeddings() && wants_classifier();
        void *for_embeddings = wants_embeddings() ? scratch_.dz[0] : nullptr;
        void *for_classifier = two || !wants_embeddings() ? scratch_.dz[two] : nullptr;
        const void *classifier_dz = for_classifier != nullptr ? for_classifier : for_embeddings;
        const DzInputs inputs = {scratch_.rows, scratch_.control};
        CCE_TRY(kernels_.dz_block(p_, logits_, inputs, block, for_embeddings, for_classifier, stream_));
        if (grad_.bias != nullptr)
            CCE_TRY(column_sums(classifier_dz, dz_dtype(), block, scratch_.control, scratch_.column_sums, stream_));
        if (grad_.classifier != nullptr)
            CCE_TRY(kernels_.classifier_gradient(p_, in_.embeddings, scratch_.tokens + block.first_row, classifier_dz,
                                                 block, plan_.classifier, scratch_.control, scratch_.partials,
                                                 classifier_sum(block), stream_));
        if (!wants_embeddings()) return CCE_OK;
        return kernels_.embeddings_gradient(p_, in_.classifier, for_embeddings, block, plan_.embeddings,
                                            scratch_.control, scratch_.partials, embeddings_sum(block), stream_);
    }

    int32_t finish_embeddings() const {
        if (sums_embeddings_in_place()) return CCE_OK;
        const GradientStore store = {grad_.embeddings, grad_.embeddings_dtype, adds(CCE_GRADIENT_EMBEDDINGS),
                                     scratch_.tokens, p_.spec.hidden, scratch_.control};
        return gradient_sum(scratch_.embeddings, 1, p_.rows, &scratch_.control->valid, 0, store, stream_);
    }

    // Where the rows of `block` sum their dE. The first chunk overwrites what the workspace held.
    GradientStore embeddings_sum(const Block &block) const {
        const bool first = block.first_class == 0;
        if (sums_embeddings_in_place())
            return {grad_.embeddings, CCE_F32, !first || adds(CCE_GRADIENT_EMBEDDINGS),
                    scratch_.tokens + block.first_row, p_.spec.hidden, scratch_.control};
        return {scratch_.embeddings + block.first_row * p_.spec.hidden, CCE_F32, !first, nullptr, p_.spec.hidden,
                scratch_.control};
    }

    // Where a pass leaves its share of the chunk's dC.
    GradientStore classifier_sum(const Block &block) const {
        if (plan_.passes == 1) return classifier_store(block);
        return {scratch_.classifier, CCE_F32, block.first_row > 0, nullptr, p_.spec.hidden, scratch_.control};
    }

    GradientStore classifier_store(const Block &block) const {
        const int64_t offset = block.first_class * p_.spec.hidden * dtype_bytes(grad_.classifier_dtype);
        return {static_cast<char *>(grad_.classifier) + offset, grad_.classifier_dtype, adds(CCE_GRADIENT_CLASSIFIER),
                nullptr, p_.spec.hidden, scratch_.control};
    }

    GradientStore bias_store(const Block &block) const {
        const int64_t offset = block.first_class * dtype_bytes(grad_.bias_dtype);
        return {static_cast<char *>(grad_.bias) + offset, grad_.bias_dtype, adds(CCE_GRADIENT_BIAS), nullptr,
                block.classes, scratch_.control};
    }

    const Problem &p_;
    const cce_inputs &in_;
    const cce_gradients &grad_;
    const State &state_;
    const BackwardKernels &kernels_;
    const BackwardPlan plan_;
    const BackwardScratch scratch_;
    const cudaStream_t stream_;
    const Logits logits_;
};

}  // namespace

int32_t backward(const Problem &p, const cce_inputs &in, const cce_gradients &grad, const State &state, Workspace w,
                 void *stream) {
    const DeviceGuard guard(p.spec.device);
    CCE_TRY(guard.status());
    return Backward(p, in, grad, state, w, static_cast<cudaStream_t>(stream)).run();
}

}  // namespace cce::cuda
