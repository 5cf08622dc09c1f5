// Forward: a matrix product whose tiles are reduced to a few numbers a token while they lie in L1.
//
// A super-block of E (up to 512 tokens) is transposed once into panels with tokens as lanes. A task takes a segment of
// the vocabulary: for each block of kBlockClasses rows of C and each panel of tokens it forms the tile of logits,
// classes x tokens, and folds it into the panel's running (maximum, sum of exponentials, ...), lane by lane. E's panels
// are read from L2, C from memory once a super-block: 2 * V * D * tokens flops over V * D elements, bound by
// the multipliers. The segments' partial results, (segments x tokens) of a few floats, are merged in order in float64.
#include <cmath>
#include <cstring>
#include <limits>

#include "common/status.h"
#include "cpu/compute.h"
#include "cpu/dispatch.h"
#include "cpu/operands.h"
#include "cpu/targets.h"

namespace cce::cpu {
namespace {

// Below this many segments, panels of tokens become tasks of their own.
constexpr int64_t kSegmentsEnough = 32;

// What a sweep over the vocabulary is to find, per position (R); NULL: not wanted. Ignored positions are left alone.
struct Wanted {
    float *lse;
    float *loss;            // written for reduction none
    float *target_logit;
    int64_t *argmax;
    float *entropy;
    double *loss_sum;       // sum of the losses; NULL: no loss is wanted
};

// Partial results of the segments, (segments, super_tokens).
struct Partials {
    float *maximum;
    float *sum;
    float *sum_rest;
    float *entropy;
    float *weighted;
    float *best;
    int64_t *best_class;
};

struct SharedScratch {
    int64_t *valid_rows;    // (R) for callers without a state
    TokenBlock tokens;
    Partials partials;
    float *target_logit;    // (super_tokens)
    double *losses;         // (super_tokens)
};

struct ThreadScratch {
    ClassBlock classes;
    float *packed;          // (hidden_panels, kBlockClasses, panel) for 16-bit classifiers
    float *tile;            // (kBlockClasses, panel)
};

SharedScratch take_shared(const Blocking &b, const Problem &p, Arena *arena) {
    SharedScratch s;
    s.valid_rows = arena->take<int64_t>(p.rows);
    s.tokens = take_token_block(b, false, arena);
    const int64_t entries = b.segments * b.super_tokens;
    s.partials.maximum = arena->take<float>(entries);
    s.partials.sum = arena->take<float>(entries);
    s.partials.sum_rest = arena->take<float>(entries);
    s.partials.entropy = arena->take<float>(entries);
    s.partials.weighted = arena->take<float>(entries);
    s.partials.best = arena->take<float>(entries);
    s.partials.best_class = arena->take<int64_t>(entries);
    s.target_logit = arena->take<float>(b.super_tokens);
    s.losses = arena->take<double>(b.super_tokens);
    return s;
}

ThreadScratch take_thread(const Blocking &b, const Problem &p, Arena *arena) {
    ThreadScratch s;
    s.classes = take_class_block(arena);
    s.packed = p.spec.dtype == CCE_F32 ? nullptr : arena->take<float>(kBlockClasses * b.hidden_padded());
    s.tile = arena->take<float>(b.tile_floats());
    return s;
}

struct Sizes {
    int64_t shared;
    int64_t thread;
};

Sizes sizes_of(const Blocking &b, const Problem &p) {
    Arena shared(nullptr), thread(nullptr);
    take_shared(b, p, &shared);
    take_thread(b, p, &thread);
    return {shared.bytes(), thread.bytes()};
}

class Sweep {
public:
    Sweep(const Problem &p, const cce_inputs &in)
        : problem_(p), inputs_(in), kernels_(kernels(p.spec.dtype)), blocking_(make_blocking(p, kernels_)) {}

    // Lays the workspace out; fails if it does not serve one thread.
    int32_t prepare(Workspace w) {
        const Sizes sizes = sizes_of(blocking_, problem_);
        threads_ = serving_threads(w.bytes, sizes.shared, sizes.thread);
        if (threads_ == 0) return workspace_too_small(w.bytes, sizes.shared + sizes.thread);
        Arena arena(w.base);
        shared_ = take_shared(blocking_, problem_, &arena);
        thread_bytes_ = sizes.thread;
        thread_base_ = arena.take<char>(threads_ * sizes.thread);
        return CCE_OK;
    }

    int64_t *valid_rows() { return shared_.valid_rows; }

    void run(const int64_t *valid_rows, int64_t valid, double weight_sum, const Wanted &wanted) {
        wanted_ = wanted;
        weight_sum_ = weight_sum;
        transform_ = logit_transform(problem_);
        Team team(threads_);
        for (int64_t first = 0; first < valid; first += blocking_.super_tokens) {
            load_token_block(blocking_, kernels_, problem_, inputs_, valid_rows, valid, first, false, &team,
                             &shared_.tokens);
            const int64_t panels = div_up(shared_.tokens.count, blocking_.panel);
            const int64_t at_once = blocking_.segments < kSegmentsEnough ? 1 : panels;
            const int64_t groups = div_up(panels, at_once);
            team.run(blocking_.segments * groups, [&](int64_t task, int32_t member) {
                const int64_t from = task % groups * at_once;
                reduce_segment(task / groups, from, from + at_once, member);
            });
            team.run(panels, [&](int64_t panel, int32_t) {
                const int64_t from = panel * blocking_.panel;
                const int64_t rest = shared_.tokens.count - from;
                for (int64_t i = from; i < from + (rest < blocking_.panel ? rest : blocking_.panel); ++i) merge(i);
            });
            if (wanted_.loss_sum != nullptr)
                for (int64_t i = 0; i < shared_.tokens.count; ++i) *wanted_.loss_sum += shared_.losses[i];
        }
    }

private:
    bool smoothing() const { return wanted_.loss_sum != nullptr && problem_.spec.label_smoothing > 0.0; }

    void reduce_segment(int64_t segment, int64_t first_panel, int64_t last_panel, int32_t member) {
        Arena arena(thread_base_ + member * thread_bytes_);
        ThreadScratch s = take_thread(blocking_, problem_, &arena);
        const Partials &partials = shared_.partials;
        const int64_t base = segment * blocking_.super_tokens;
        for (int64_t i = first_panel * blocking_.panel; i < last_panel * blocking_.panel; ++i) {
            partials.maximum[base + i] = std::numeric_limits<float>::lowest();
            partials.sum[base + i] = partials.sum_rest[base + i] = 0.0f;
            partials.entropy[base + i] = partials.weighted[base + i] = 0.0f;
            partials.best_class[base + i] = -1;
        }
        int64_t last = (segment + 1) * blocking_.segment_blocks;
        if (last > blocking_.blocks) last = blocking_.blocks;
        for (int64_t block = segment * blocking_.segment_blocks; block < last; ++block) {
            load_class_block(blocking_, kernels_, problem_, inputs_, block, &s.classes);
            if (s.packed != nullptr) pack_class_block(kernels_, problem_, inputs_, false, s.packed, &s.classes);
            for (int64_t panel = first_panel; panel < last_panel; ++panel)
                reduce_tile(base + panel * blocking_.panel, panel, s);
        }
    }

    void reduce_tile(int64_t at, int64_t panel, const ThreadScratch &s) {
        multiply_logits(blocking_, kernels_, problem_, inputs_, shared_.tokens, panel, s.classes, s.tile);
        const Partials &partials = shared_.partials;
        const int64_t lane = panel * blocking_.panel;
        ForwardTile tile;
        tile.tile = s.tile;
        tile.rows = s.classes.rows;
        tile.vectors = blocking_.vectors_of(shared_.tokens.count, panel);
        tile.first_class = s.classes.first;
        tile.bias = s.classes.bias;
        tile.weights = smoothing() ? s.classes.weights : nullptr;
        tile.transform = transform_;
        tile.maximum = partials.maximum + at;
        tile.sum = partials.sum + at;
        tile.sum_rest = partials.sum_rest + at;
        tile.entropy = wanted_.entropy != nullptr ? partials.entropy + at : nullptr;
        tile.weighted = partials.weighted + at;
        tile.best = wanted_.argmax != nullptr ? partials.best + at : nullptr;
        tile.best_class = partials.best_class + at;
        tile.targets = inputs_.targets != nullptr ? shared_.tokens.targets + lane : nullptr;
        tile.target_logit = shared_.target_logit + lane;
        kernels_.forward_tile(tile);
    }

    // Merges the segments of token i in order and writes what is wanted.
    void merge(int64_t i) {
        const Partials &partials = shared_.partials;
        const int64_t stride = blocking_.super_tokens;
        float maximum = partials.maximum[i];
        for (int64_t s = 1; s < blocking_.segments; ++s) maximum = std::fmax(maximum, partials.maximum[s * stride + i]);
        double sum = 0.0, entropy = 0.0, weighted = 0.0;
        float best = partials.best[i];
        int64_t best_class = partials.best_class[i];
        for (int64_t s = 0; s < blocking_.segments; ++s) {
            const int64_t at = s * stride + i;
            const double shift = static_cast<double>(partials.maximum[at]) - maximum;
            const double scale = std::exp(shift);
            const double part = static_cast<double>(partials.sum[at]) + partials.sum_rest[at];
            sum += scale * part;
            if (scale != 0.0) entropy += scale * (partials.entropy[at] + shift * part);
            weighted += partials.weighted[at];
            if (wanted_.argmax == nullptr) continue;
            const float other = partials.best[at];
            if (other > best || (std::isnan(other) && !std::isnan(best))) {
                best = other;
                best_class = partials.best_class[at];
            }
        }
        const double log_sum = std::log(sum);
        const double lse = maximum + log_sum;
        const int64_t row = shared_.tokens.rows[i];
        wanted_.lse[row] = static_cast<float>(lse);
        if (wanted_.target_logit != nullptr) wanted_.target_logit[row] = shared_.target_logit[i];
        if (wanted_.argmax != nullptr) wanted_.argmax[row] = best_class;
        if (wanted_.entropy != nullptr) {
            const double nats = log_sum - entropy / sum;
            wanted_.entropy[row] = static_cast<float>(nats < 0.0 ? 0.0 : nats);
        }
        if (wanted_.loss_sum == nullptr) return;
        shared_.losses[i] = loss(row, i, lse, weighted);
        if (wanted_.loss != nullptr) wanted_.loss[row] = static_cast<float>(shared_.losses[i]);
    }

    double loss(int64_t row, int64_t i, double lse, double weighted) const {
        const cce_problem &spec = problem_.spec;
        const double smoothing = spec.label_smoothing;
        const double weight = class_weight(inputs_, shared_.tokens.targets[i]);
        double ce = (1.0 - smoothing) * weight * (lse - shared_.target_logit[i]);
        if (smoothing > 0.0) ce += smoothing / static_cast<double>(spec.classes) * (weight_sum_ * lse - weighted);
        if (spec.z_loss > 0.0) ce += spec.z_loss * lse * lse;
        return token_weight(problem_, inputs_, row) * ce;
    }

    const Problem &problem_;
    const cce_inputs &inputs_;
    const KernelTable &kernels_;
    const Blocking blocking_;
    SharedScratch shared_ = {};
    char *thread_base_ = nullptr;
    int64_t thread_bytes_ = 0;
    int32_t threads_ = 0;
    Wanted wanted_ = {};
    double weight_sum_ = 0.0;
    LogitTransform transform_ = {};
};

// Fills header and valid rows of a state.
void fill_state(const Problem &p, const cce_inputs &in, const State &state) {
    StateHeader &header = *state.header;
    header = find_positions(p, in, state.valid_rows);
    header.fingerprint = p.fingerprint;
    header.divisor = divisor(p, in, state.valid_rows, header.valid);
    header.class_weight_sum = class_weight_sum(p, in);
}

void clear_floats(void *to, int64_t count) {
    if (to != nullptr && count > 0) memset(to, 0, count * sizeof(float));
}

// The losses of positions with a bad target are NaN, and so is every sum of losses.
void poison_loss(const Problem &p, const cce_inputs &in, float *loss) {
    constexpr float kNan = std::numeric_limits<float>::quiet_NaN();
    if (p.spec.reduction != CCE_REDUCTION_NONE) {
        *loss = kNan;
        return;
    }
    for (int64_t row = 0; row < p.rows; ++row) {
        const int64_t target = target_at(p, in, row);
        if (target != p.spec.ignore_index && (target < 0 || target >= p.spec.classes)) loss[row] = kNan;
    }
}

}  // namespace

int64_t forward_workspace_bytes(const Problem &p, int32_t threads) {
    const Sizes sizes = sizes_of(make_blocking(p, kernels(p.spec.dtype)), p);
    return sizes.shared + threads * sizes.thread;
}

int32_t log_sum_exp(const Problem &p, const cce_inputs &in, float *lse, Workspace w, void *) {
    Sweep sweep(p, in);
    CCE_TRY(sweep.prepare(w));
    const StateHeader positions = find_positions(p, in, sweep.valid_rows());
    clear_floats(lse, p.rows);
    Wanted wanted = {};
    wanted.lse = lse;
    sweep.run(sweep.valid_rows(), positions.valid, 0.0, wanted);
    return check_targets(p, positions);
}

int32_t make_state(const Problem &p, const cce_inputs &in, const float *lse, const State &state, Workspace, void *) {
    fill_state(p, in, state);
    clear_floats(state.lse, p.rows);
    for (int64_t i = 0; i < state.header->valid; ++i) state.lse[state.valid_rows[i]] = lse[state.valid_rows[i]];
    return check_targets(p, *state.header);
}

int32_t forward(const Problem &p, const cce_inputs &in, const cce_outputs &out, const State &state, Workspace w,
                void *) {
    Sweep sweep(p, in);
    CCE_TRY(sweep.prepare(w));
    fill_state(p, in, state);
    const bool none = p.spec.reduction == CCE_REDUCTION_NONE;
    float *loss = static_cast<float *>(out.loss);

    clear_floats(state.lse, p.rows);
    clear_floats(out.target_logit, p.rows);
    clear_floats(out.entropy, p.rows);
    if (none) clear_floats(loss, p.rows);
    auto *argmax = static_cast<int64_t *>(out.argmax);
    for (int64_t row = 0; argmax != nullptr && row < p.rows; ++row) argmax[row] = -1;

    double loss_sum = 0.0;
    Wanted wanted = {};
    wanted.lse = state.lse;
    wanted.loss = none ? loss : nullptr;
    wanted.target_logit = static_cast<float *>(out.target_logit);
    wanted.argmax = argmax;
    wanted.entropy = static_cast<float *>(out.entropy);
    wanted.loss_sum = &loss_sum;
    sweep.run(state.valid_rows, state.header->valid, state.header->class_weight_sum, wanted);

    if (!none) *loss = state.header->divisor == 0.0 ? 0.0f : static_cast<float>(loss_sum / state.header->divisor);
    if (out.lse != nullptr && p.rows > 0) memcpy(out.lse, state.lse, p.rows * sizeof(float));
    if (state.header->bad_row >= 0) poison_loss(p, in, loss);
    return check_targets(p, *state.header);
}

}  // namespace cce::cpu
