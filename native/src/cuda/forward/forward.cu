// The forward pass as a sequence of kernels: which positions count, and their targets' logits; the sweep over all
// logits; what is reported of each position, and the loss. Three launches in most cases.
#include "cuda/forward/forward.h"

#include <algorithm>

#include "cuda/carver.h"
#include "cuda/device.h"
#include "cuda/dispatch.h"
#include "cuda/forward/kernels.h"

namespace cce::cuda {
namespace {

// One panel with everything that may be asked of a position, or several with the sums alone, of the family that is
// tried first. What is asked shows only at the call, and so may the need for another family: both then make do.
int64_t partial_room(const Problem &p) {
    const Schedule schedule = first_family_of(p).schedule(p).with_even_panels();
    return schedule.partials(1) * static_cast<int64_t>(sizeof(float2) + sizeof(RowExtras));
}

// Scratch of the forward pass: pointers into a workspace, or none of them if `base` is NULL.
struct Scratch {
    Span *spans;           // of prepare
    uint32_t *blocks_done;
    StateHeader *header;   // these two where the caller has no state
    int64_t *valid_rows;
    float *target_logit;   // (R) where the caller did not ask for it
    float *row_loss;       // (R)
    char *partials;
    int64_t bytes;

    static Scratch at(const Problem &p, void *base) {
        Carver carver(base);
        Scratch scratch;
        scratch.spans = carver.take<Span>(div_up(p.rows, Span::kRows));
        scratch.blocks_done = carver.take<uint32_t>(1);
        scratch.header = carver.take<StateHeader>(1);
        scratch.partials = carver.take<char>(partial_room(p));
        // A log-sum-exp alone has no targets' logits and no losses, and whoever wants those has a state.
        static_assert(sizeof(int64_t) == 2 * sizeof(float), "two arrays of float take the place of valid_rows");
        float *rows = carver.take<float>(2 * p.rows);
        scratch.target_logit = rows;
        scratch.row_loss = rows + p.rows;
        scratch.valid_rows = reinterpret_cast<int64_t *>(rows);
        scratch.bytes = carver.bytes();
        return scratch;
    }
};

// What the sweep leaves for backward besides lse.
struct ForBackward {
    int64_t segment_classes;
    SegmentMaxima segments;
    Candidates candidates;
    KeptLogits kept;

    static ForBackward of(const Problem &p, const Family &family, const LogitMap &map, const State &state,
                          bool extras) {
        ForBackward left = {};
        if (State::has_segments(p) && family.segment_classes > 0) {
            left.segment_classes = family.segment_classes;
            left.segments = SegmentMaxima::of(p, state);
        }
        if (family.leaves_candidates && !extras) left.candidates = Candidates::of(p, state);
        if (family.keeps_logits && !extras) left.kept = KeptLogits::of(p, map, state);
        return left;
    }
};

// Which positions count; those that do not get their results.
Preparation preparation_of(const Problem &p, const Batch &batch, const ForBackward &left, const Scratch &scratch,
                           StateHeader *header, int64_t *valid_rows, const RowResults &results) {
    return {batch,
            p.rows,
            p.spec.reduction == CCE_REDUCTION_MEAN,
            left.segment_classes,
            left.kept.classes,
            left.candidates.ranges != nullptr,
            p.fingerprint,
            scratch.spans,
            header,
            valid_rows,
            results};
}

// The sweep, in as many launches as the room for partial results takes, and the results of the positions of each; with
// the last ones, unless `loss` is NULL, the reduced loss.
int32_t sweep_rows(const Problem &p, const cce_inputs &in, const SweepInputs &inputs, bool extras,
                   const Scratch &scratch, const RowResults &results, float *loss, cudaStream_t stream) {
    const Family &family = family_of(p, in);
    Schedule schedule = family.schedule(p);
    const int64_t entry = sizeof(float2) + (extras ? sizeof(RowExtras) : 0);
    const int64_t room = partial_room(p) / entry;
    if (schedule.panels_in(room) == 0) schedule = schedule.with_even_panels();
    if (schedule.panels_in(room) == 0)
        schedule = schedule.with_workers(static_cast<int32_t>(room / schedule.row_tile));
    const int32_t panels_each = schedule.panels_in(room);
    Partials partials;
    partials.extras = extras ? reinterpret_cast<RowExtras *>(scratch.partials) : nullptr;
    partials.lse = reinterpret_cast<float2 *>(scratch.partials + (extras ? room * sizeof(RowExtras) : 0));
    const int32_t panels = schedule.most_panels(p.rows);
    do {
        schedule.end_panel = schedule.first_panel + panels_each;
        if (panels > 0) CCE_TRY(family.sweep(p, schedule, inputs, partials, stream));
        const bool last = schedule.end_panel >= panels;
        CCE_TRY(finish_rows(p, inputs.logits, schedule, partials, results, last ? loss : nullptr, stream));
        schedule.first_panel = schedule.end_panel;
    } while (schedule.first_panel < panels);
    return CCE_OK;
}

}  // namespace

int64_t forward_workspace_bytes(const Problem &p) { return Scratch::at(p, nullptr).bytes; }

int32_t indexed_dot(const Problem &p, const cce_inputs &in, float *target_logit, Workspace, void *stream) {
    const DeviceGuard guard(p.spec.device);
    CCE_TRY(guard.status());
    return target_logits(p, Logits::of(p, in, nullptr, nullptr), target_logit, static_cast<cudaStream_t>(stream));
}

int32_t log_sum_exp(const Problem &p, const cce_inputs &in, float *lse, Workspace w, void *stream) {
    const DeviceGuard guard(p.spec.device);
    CCE_TRY(guard.status());
    const auto queue = static_cast<cudaStream_t>(stream);
    const Scratch scratch = Scratch::at(p, w.base);
    const Logits logits = Logits::of(p, in, &scratch.header->valid, scratch.valid_rows);
    RowResults results = {};
    results.lse = lse;
    CCE_TRY(prepare(preparation_of(p, logits.batch, {}, scratch, scratch.header, scratch.valid_rows, results), queue));
    return sweep_rows(p, in, {logits, nullptr, {}, {}, {}}, false, scratch, results, nullptr, queue);
}

int32_t make_state(const Problem &p, const cce_inputs &in, const float *lse, const State &state, Workspace w,
                   void *stream) {
    const DeviceGuard guard(p.spec.device);
    CCE_TRY(guard.status());
    const auto queue = static_cast<cudaStream_t>(stream);
    const Scratch scratch = Scratch::at(p, w.base);
    const Batch batch = Batch::of(p, in);
    CCE_TRY(prepare(preparation_of(p, batch, {}, scratch, state.header, state.valid_rows, {}), queue));
    return adopt_lse(p, batch, lse, state.lse, queue);
}

int32_t forward(const Problem &p, const cce_inputs &in, const cce_outputs &out, const State &state, Workspace w,
                void *stream) {
    const DeviceGuard guard(p.spec.device);
    CCE_TRY(guard.status());
    const auto queue = static_cast<cudaStream_t>(stream);
    const Scratch scratch = Scratch::at(p, w.base);
    const Logits logits = Logits::of(p, in, &state.header->valid, state.valid_rows);
    const bool each_row = p.spec.reduction == CCE_REDUCTION_NONE;
    const bool extras = out.argmax != nullptr || out.entropy != nullptr || p.spec.label_smoothing > 0.0;
    float *target_logit = out.target_logit != nullptr ? static_cast<float *>(out.target_logit) : scratch.target_logit;
    const RowResults results = {state.lse,
                                static_cast<float *>(out.lse),
                                static_cast<float *>(out.entropy),
                                static_cast<int64_t *>(out.argmax),
                                each_row ? static_cast<float *>(out.loss) : nullptr,
                                each_row ? nullptr : scratch.row_loss,
                                target_logit,
                                state.header,
                                scratch.blocks_done,
                                state.least_live};
    const ForBackward left = ForBackward::of(p, family_of(p, in), logits.map, state, extras);
    const Preparation preparation =
        preparation_of(p, logits.batch, left, scratch, state.header, state.valid_rows, results);
    CCE_TRY(prepare_with_target_logits(p, preparation, logits, target_logit, queue));
    return sweep_rows(p, in, {logits, target_logit, left.segments, left.candidates, left.kept}, extras, scratch, results,
                      each_row ? nullptr : static_cast<float *>(out.loss), queue);
}

}  // namespace cce::cuda
