// The forward pass as a sequence of kernels.
#include "cuda/plain/family.h"
#include "cuda/plain/kernels.h"
#include "cuda/plain/plan.h"

namespace cce::cuda::plain {

int64_t forward_workspace_bytes(const Problem &p) { return ForwardScratch::at(p, nullptr).bytes; }

int32_t indexed_dot(const Problem &p, const cce_inputs &in, float *target_logit, Workspace, cudaStream_t stream) {
    return target_logits(p, Logits::of(p, in, nullptr, nullptr), target_logit, stream);
}

int32_t log_sum_exp(const Problem &p, const cce_inputs &in, float *lse, Workspace w, cudaStream_t stream) {
    const ForwardScratch scratch = ForwardScratch::at(p, w.base);
    const Logits logits = Logits::of(p, in, &scratch.header->valid, scratch.valid_rows);
    const VocabularySplits splits = VocabularySplits::of(p);
    RowResults results = {};
    results.lse = lse;
    CCE_TRY(prepare(p, logits.batch, scratch.header, scratch.valid_rows, scratch.blocks, stream));
    CCE_TRY(clear_ignored(p, logits.batch, results, stream));
    CCE_TRY(lse_partials(p, logits, splits, nullptr, scratch.partials, stream));
    return finish_rows(p, logits, splits, scratch.partials, results, stream);
}

int32_t make_state(const Problem &p, const cce_inputs &in, const float *lse, const State &state, Workspace w,
                   cudaStream_t stream) {
    const ForwardScratch scratch = ForwardScratch::at(p, w.base);
    const Batch batch = Batch::of(p, in);
    CCE_TRY(prepare(p, batch, state.header, state.valid_rows, scratch.blocks, stream));
    return adopt_lse(p, batch, lse, state.lse, stream);
}

int32_t forward(const Problem &p, const cce_inputs &in, const cce_outputs &out, const State &state, Workspace w,
                cudaStream_t stream) {
    const ForwardScratch scratch = ForwardScratch::at(p, w.base);
    const Logits logits = Logits::of(p, in, &state.header->valid, state.valid_rows);
    const VocabularySplits splits = VocabularySplits::of(p);
    const bool each_row = p.spec.reduction == CCE_REDUCTION_NONE;
    float *target_logit = out.target_logit != nullptr ? static_cast<float *>(out.target_logit) : scratch.target_logit;
    const RowResults results = {state.lse,
                                static_cast<float *>(out.lse),
                                static_cast<float *>(out.entropy),
                                static_cast<int64_t *>(out.argmax),
                                each_row ? static_cast<float *>(out.loss) : nullptr,
                                each_row ? nullptr : scratch.row_loss,
                                target_logit,
                                state.header};
    CCE_TRY(prepare(p, logits.batch, state.header, state.valid_rows, scratch.blocks, stream));
    CCE_TRY(clear_ignored(p, logits.batch, results, stream));
    CCE_TRY(lse_partials(p, logits, splits, target_logit, scratch.partials, stream));
    CCE_TRY(finish_rows(p, logits, splits, scratch.partials, results, stream));
    return each_row ? CCE_OK : reduce_loss(state.header, scratch.row_loss, static_cast<float *>(out.loss), stream);
}

}  // namespace cce::cuda::plain
