// Backward: four products, and no more memory for them than a chunk of the vocabulary takes.
//
// For each chunk of class blocks (at most 64 x 96 classes) and each super-block of tokens (at most 512):
//   step 1, a task per class block: recompute its logits, classes x tokens, panel by panel; turn each tile in L1 into
//           the gradient of the logits, kept as dz (blocks, panels, 96, panel); dC block += dz * E and db += row sums.
//   step 2, a task per panel of dE (tokens x hidden): dE += dz^T * C over the chunk's classes.
// dz is written as the tile comes and read by both products as it lies: with token lanes it is the broadcast operand
// of either one, by rows for dC and by columns for dE. C is packed once a chunk, in step 1 while it is hot.
// Every element of dC, db and dE has one owner, and its sum runs over tokens and classes in ascending order.
// With a filter, groups of classes of a panel that hold only zeros are left out of both products.
#include <cmath>
#include <cstring>
#include <limits>

#include "common/status.h"
#include "cpu/compute.h"
#include "cpu/dispatch.h"
#include "cpu/dropped_mass.h"
#include "cpu/targets.h"

namespace cce::cpu {
namespace {

// Token panels of a task of step 2: the more, the less often C is read.
constexpr int64_t kTaskTokens = 128;

struct SharedScratch {
    TokenBlock tokens;
    float *lse;                 // (super_tokens) and so on: TokenGradient's parts
    float *alpha;
    float *beta;
    float *gamma;
    DroppedMassPass::Shared dropped;
    float *dz;                  // (chunk_blocks, token_panels, kBlockClasses, panel)
    uint32_t *live;             // (chunk_blocks, token_panels) groups of dz that are not all zero
    float *packed;              // (chunk_blocks, hidden_panels, kBlockClasses, panel) the chunk of C
    float *classifier;          // (chunk_blocks, kBlockClasses, hidden_padded) the chunk of dC
    float *bias;                // (chunk_blocks, kBlockClasses) the chunk of db
    float *embeddings;          // (R, D) dE of the valid positions, for 16-bit problems
};

struct ThreadScratch {
    ClassBlock classes;
    float *second;              // (token_panels, kBlockClasses, panel) dz with dC's own filter or form
    uint32_t *second_live;      // (token_panels)
    float *sums;                // (kTaskTokens, panel) of dE
};

bool asked(const Problem &p, int32_t gradients) { return (p.spec.gradients & gradients) != 0; }

SharedScratch take_shared(const Blocking &b, const Problem &p, Arena *arena) {
    SharedScratch s = {};
    s.tokens = take_token_block(b, asked(p, CCE_GRADIENT_CLASSIFIER), arena);
    s.lse = arena->take<float>(b.super_tokens);
    s.alpha = arena->take<float>(b.super_tokens);
    s.beta = arena->take<float>(b.super_tokens);
    s.gamma = arena->take<float>(b.super_tokens);
    s.dropped = DroppedMassPass::take_shared(b, arena);
    s.dz = arena->take<float>(b.chunk_blocks * b.token_panels * b.tile_floats());
    s.live = arena->take<uint32_t>(b.chunk_blocks * b.token_panels);
    s.packed = arena->take<float>(b.chunk_blocks * kBlockClasses * b.hidden_padded());
    if (asked(p, CCE_GRADIENT_CLASSIFIER))
        s.classifier = arena->take<float>(b.chunk_blocks * kBlockClasses * b.hidden_padded());
    s.bias = arena->take<float>(b.chunk_blocks * kBlockClasses);
    if (asked(p, CCE_GRADIENT_EMBEDDINGS) && p.spec.dtype != CCE_F32)
        s.embeddings = arena->take<float>(p.rows * p.spec.hidden);
    return s;
}

// The part of a thread's scratch that serves step 1 and 2; the pass over dropped mass lays its own over it.
ThreadScratch take_thread(const Blocking &b, const KernelTable &kernels, const Problem &p, Arena *arena) {
    ThreadScratch s = {};
    s.classes = take_class_block(arena);
    const bool both = asked(p, CCE_GRADIENT_EMBEDDINGS) && p.spec.filter_embeddings != p.spec.filter_classifier;
    if (asked(p, CCE_GRADIENT_CLASSIFIER | CCE_GRADIENT_BIAS) && (both || kernels.own_classifier_dz)) {
        s.second = arena->take<float>(b.token_panels * b.tile_floats());
        s.second_live = arena->take<uint32_t>(b.token_panels);
    }
    s.sums = arena->take<float>(kTaskTokens * b.panel);
    return s;
}

struct Sizes {
    int64_t shared;
    int64_t thread;
};

Sizes sizes_of(const Blocking &b, const KernelTable &kernels, const Problem &p) {
    Arena shared(nullptr), steps(nullptr), dropped(nullptr);
    take_shared(b, p, &shared);
    take_thread(b, kernels, p, &steps);
    DroppedMassPass::take_thread(b, p, &dropped);
    return {shared.bytes(), steps.bytes() > dropped.bytes() ? steps.bytes() : dropped.bytes()};
}

class Gradients {
public:
    Gradients(const Problem &p, const cce_inputs &in, const cce_gradients &grad, const State &state)
        : kernels_(kernels(p.spec.dtype)), problem_(p), inputs_(in), grad_(grad), state_(state),
          blocking_(make_blocking(p, kernels_)), transform_(logit_transform(p)) {}

    int32_t prepare(Workspace w) {
        const Sizes sizes = sizes_of(blocking_, kernels_, problem_);
        threads_ = serving_threads(w.bytes, sizes.shared, sizes.thread);
        if (threads_ == 0) return workspace_too_small(w.bytes, sizes.shared + sizes.thread);
        Arena arena(w.base);
        shared_ = take_shared(blocking_, problem_, &arena);
        thread_bytes_ = sizes.thread;
        thread_base_ = arena.take<char>(threads_ * sizes.thread);
        return CCE_OK;
    }

    void run() {
        Team team(threads_);
        clear_outputs(&team);
        if (state_.header->valid > 0 && !vanishes()) {
            choose_thresholds(&team);
            for (int64_t first = 0; first < blocking_.blocks; first += blocking_.chunk_blocks) run_chunk(first, &team);
            if (shared_.embeddings != nullptr && wants_embeddings()) write_embeddings(&team);
        }
        if (grad_.filter_report != nullptr) memcpy(grad_.filter_report, report_, sizeof report_);
    }

private:
    bool wants_embeddings() const { return grad_.embeddings != nullptr; }
    bool wants_classifier() const { return grad_.classifier != nullptr; }
    bool wants_bias() const { return grad_.bias != nullptr; }
    bool accumulates(int32_t gradient) const { return (grad_.accumulate & gradient) != 0; }

    // A mean over nothing has no gradient.
    bool vanishes() const { return state_.header->divisor == 0.0 && grad_.grad_lse == nullptr; }

    void clear(void *buffer, int64_t bytes, Team *team) const {
        constexpr int64_t kPiece = int64_t{1} << 20;
        team->run(div_up(bytes, kPiece), [&](int64_t piece, int32_t) {
            const int64_t rest = bytes - piece * kPiece;
            memset(static_cast<char *>(buffer) + piece * kPiece, 0, rest < kPiece ? rest : kPiece);
        });
    }

    // dE is summed in place, or has rows that no position writes; dC and db are written whole unless nothing counts.
    void clear_outputs(Team *team) const {
        const cce_problem &spec = problem_.spec;
        if (wants_embeddings() && !accumulates(CCE_GRADIENT_EMBEDDINGS))
            clear(grad_.embeddings, problem_.tokens * spec.hidden * dtype_bytes(grad_.embeddings_dtype), team);
        if (wants_embeddings() && shared_.embeddings != nullptr)
            clear(shared_.embeddings, state_.header->valid * spec.hidden * static_cast<int64_t>(sizeof(float)), team);
        if (state_.header->valid > 0 && !vanishes()) return;
        if (wants_classifier() && !accumulates(CCE_GRADIENT_CLASSIFIER))
            clear(grad_.classifier, spec.classes * spec.hidden * dtype_bytes(grad_.classifier_dtype), team);
        if (wants_bias() && !accumulates(CCE_GRADIENT_BIAS))
            clear(grad_.bias, spec.classes * dtype_bytes(grad_.bias_dtype), team);
    }

    void load_tokens(int64_t first, Team *team) {
        load_token_block(blocking_, kernels_, problem_, inputs_, state_.valid_rows, state_.header->valid, first,
                         wants_classifier(), team, &shared_.tokens);
        for (int64_t i = 0; i < blocking_.super_tokens; ++i) {
            // exp(z - infinity) keeps the lanes beyond the last token at 0.
            shared_.lse[i] = std::numeric_limits<float>::infinity();
            shared_.alpha[i] = shared_.beta[i] = shared_.gamma[i] = 0.0f;
            if (i < shared_.tokens.count) load_gradient(i);
        }
    }

    void load_gradient(int64_t i) {
        const cce_problem &spec = problem_.spec;
        const StateHeader &header = *state_.header;
        const int64_t row = shared_.tokens.rows[i];
        const double lse = state_.lse[row];
        double loss = 1.0;
        if (grad_.grad_loss != nullptr)
            loss = static_cast<const float *>(grad_.grad_loss)[spec.reduction == CCE_REDUCTION_NONE ? row : 0];
        loss = header.divisor == 0.0 ? 0.0 : loss / header.divisor * token_weight(problem_, inputs_, row);
        const double beta = loss * (1.0 - spec.label_smoothing) * class_weight(inputs_, shared_.tokens.targets[i]);
        const double gamma = loss * spec.label_smoothing / static_cast<double>(spec.classes);
        double alpha = beta + loss * 2.0 * spec.z_loss * lse;
        if (spec.label_smoothing > 0.0) alpha += gamma * header.class_weight_sum;
        if (grad_.grad_lse != nullptr) alpha += static_cast<const float *>(grad_.grad_lse)[row];
        shared_.lse[i] = static_cast<float>(lse);
        shared_.alpha[i] = static_cast<float>(alpha);
        shared_.beta[i] = static_cast<float>(beta);
        shared_.gamma[i] = static_cast<float>(gamma);
    }

    // Measures what the filters would drop if somebody wants to know, and gives up a filter that drops too much.
    void choose_thresholds(Team *team) {
        const cce_problem &spec = problem_.spec;
        embeddings_threshold_ = wants_embeddings() ? static_cast<float>(spec.filter_embeddings) : 0.0f;
        classifier_threshold_ =
            wants_classifier() || wants_bias() ? static_cast<float>(spec.filter_classifier) : 0.0f;
        if (embeddings_threshold_ == 0.0f && classifier_threshold_ == 0.0f) return;
        if (spec.max_dropped_mass == 0.0 && grad_.filter_report == nullptr) return;

        DroppedMass embeddings = {}, classifier = {};
        DroppedMassPass pass(blocking_, kernels_, problem_, inputs_, shared_.dropped, thread_base_, thread_bytes_);
        for (int64_t first = 0; first < state_.header->valid; first += blocking_.super_tokens) {
            load_tokens(first, team);
            pass.add(shared_.tokens, shared_.lse, embeddings_threshold_, classifier_threshold_, team, &embeddings,
                     &classifier);
        }
        apply_limit(embeddings, CCE_REPORT_EMBEDDINGS_MEAN, CCE_REPORT_EMBEDDINGS_EXACT, &embeddings_threshold_);
        apply_limit(classifier, CCE_REPORT_CLASSIFIER_MEAN, CCE_REPORT_CLASSIFIER_EXACT, &classifier_threshold_);
    }

    void apply_limit(const DroppedMass &mass, int mean_entry, int exact_entry, float *threshold) {
        const double limit = problem_.spec.max_dropped_mass;
        const double mean = mass.sum / static_cast<double>(state_.header->valid);
        if (limit > 0.0 && mean > limit) {
            *threshold = 0.0f;
            report_[exact_entry] = 1.0f;
            return;
        }
        report_[mean_entry] = static_cast<float>(mean);
        report_[mean_entry + 1] = static_cast<float>(mass.worst);
    }

    void run_chunk(int64_t first_block, Team *team) {
        const int64_t rest = blocking_.blocks - first_block;
        const int64_t blocks = rest < blocking_.chunk_blocks ? rest : blocking_.chunk_blocks;
        const int64_t valid = state_.header->valid;
        for (int64_t first = 0; first < valid; first += blocking_.super_tokens) {
            // A single super-block stays loaded from one chunk to the next.
            if (first_block == 0 || valid > blocking_.super_tokens) load_tokens(first, team);
            const bool begins = first == 0, ends = first + blocking_.super_tokens >= valid;
            team->run(blocks, [&](int64_t block, int32_t member) {
                differentiate_block(first_block + block, block, begins, ends, member);
            });
            if (!wants_embeddings()) continue;
            const int64_t groups = div_up(shared_.tokens.count, kTaskTokens);
            team->run(groups * blocking_.hidden_panels, [&](int64_t task, int32_t member) {
                add_embeddings(first_block, blocks, first, task % groups * kTaskTokens, task / groups, member);
            });
        }
    }

    // Step 1 for block `index` of the vocabulary, number `block` of the chunk.
    void differentiate_block(int64_t index, int64_t block, bool begins, bool ends, int32_t member) {
        Arena arena(thread_base_ + member * thread_bytes_);
        ThreadScratch s = take_thread(blocking_, kernels_, problem_, &arena);
        load_class_block(blocking_, kernels_, problem_, inputs_, index, &s.classes);
        if (problem_.spec.label_smoothing == 0.0) memset(s.classes.weights, 0, kBlockClasses * sizeof(float));
        float *packed = shared_.packed + block * kBlockClasses * blocking_.hidden_padded();
        if (begins) pack_class_block(kernels_, problem_, inputs_, wants_embeddings(), packed, &s.classes);
        s.classes.packed = packed;

        const bool classifier = wants_classifier() || wants_bias();
        const bool both = classifier && (kernels_.own_classifier_dz ||
                                         (wants_embeddings() && embeddings_threshold_ != classifier_threshold_));
        float *dz = shared_.dz + block * blocking_.token_panels * blocking_.tile_floats();
        uint32_t *live = shared_.live + block * blocking_.token_panels;
        const int64_t panels = div_up(shared_.tokens.count, blocking_.panel);
        for (int64_t panel = 0; panel < panels; ++panel) {
            const int64_t lane = panel * blocking_.panel;
            GradientTile tile;
            tile.tile = dz + panel * blocking_.tile_floats();
            tile.second = both ? s.second + panel * blocking_.tile_floats() : nullptr;
            tile.rows = s.classes.rows;
            tile.vectors = blocking_.vectors_of(shared_.tokens.count, panel);
            tile.first_class = s.classes.first;
            tile.bias = s.classes.bias;
            tile.weights = s.classes.weights;
            tile.transform = transform_;
            tile.tokens = {shared_.lse + lane, shared_.alpha + lane, shared_.beta + lane, shared_.gamma + lane,
                           shared_.tokens.targets + lane};
            tile.threshold = wants_embeddings() ? embeddings_threshold_ : classifier_threshold_;
            tile.second_threshold = classifier_threshold_;
            multiply_logits(blocking_, kernels_, problem_, inputs_, shared_.tokens, panel, s.classes, tile.tile);
            const LiveGroups groups = kernels_.gradient_tile(tile);
            live[panel] = groups.tile;
            if (both) s.second_live[panel] = groups.second;
        }
        if (!classifier) return;
        const float *gradient = both ? s.second : dz;
        if (wants_bias()) add_bias(gradient, block, s.classes, begins, ends);
        if (wants_classifier()) add_classifier(gradient, both ? s.second_live : live, block, s.classes, begins, ends);
    }

    void add_bias(const float *dz, int64_t block, const ClassBlock &classes, bool begins, bool ends) {
        float *sums = shared_.bias + block * kBlockClasses;
        if (begins) memset(sums, 0, kBlockClasses * sizeof(float));
        const int64_t panels = div_up(shared_.tokens.count, blocking_.panel);
        for (int64_t panel = 0; panel < panels; ++panel)
            kernels_.add_row_sums(dz + panel * blocking_.tile_floats(), classes.rows,
                                  blocking_.vectors_of(shared_.tokens.count, panel), sums);
        if (!ends) return;
        char *to = static_cast<char *>(grad_.bias) + classes.first * dtype_bytes(grad_.bias_dtype);
        kernels_.store(sums, classes.rows, element_of(grad_.bias_dtype), accumulates(CCE_GRADIENT_BIAS), to);
    }

    void add_classifier(const float *dz, const uint32_t *live, int64_t block, const ClassBlock &classes, bool begins,
                        bool ends) {
        const int64_t width = blocking_.hidden_padded();
        float *sums = shared_.classifier + block * kBlockClasses * width;
        const int64_t panels = div_up(shared_.tokens.count, blocking_.panel);
        const uint32_t every = all_groups(classes.rows);
        bool dense = true;
        for (int64_t panel = 0; panel < panels; ++panel) dense = dense && live[panel] == every;
        if (begins && !dense) memset(sums, 0, kBlockClasses * width * sizeof(float));

        for (int64_t hidden = 0; hidden < blocking_.hidden_panels; ++hidden) {
            const float *tokens = shared_.tokens.panels + hidden * blocking_.super_tokens * blocking_.panel;
            float *columns = sums + hidden * blocking_.panel;
            const int32_t vectors = blocking_.vectors_of(problem_.spec.hidden, hidden);
            if (dense) {
                kernels_.classifier({dz, tokens, columns, width, shared_.tokens.count, classes.rows, vectors, !begins});
                continue;
            }
            for (int64_t panel = 0; panel < panels; ++panel)
                for_live_rows(live[panel], classes.rows, [&](int32_t first, int32_t rows) {
                    const int64_t lane = panel * blocking_.panel;
                    const int64_t left = shared_.tokens.count - lane;
                    kernels_.classifier({dz + panel * blocking_.tile_floats() + first * blocking_.panel,
                                         tokens + lane * blocking_.panel, columns + first * width, width,
                                         left < blocking_.panel ? left : blocking_.panel, rows, vectors, true});
                });
        }
        if (!ends) return;
        const int64_t row_bytes = problem_.spec.hidden * dtype_bytes(grad_.classifier_dtype);
        char *to = static_cast<char *>(grad_.classifier) + classes.first * row_bytes;
        for (int32_t j = 0; j < classes.rows; ++j)
            kernels_.store(sums + j * width, problem_.spec.hidden, element_of(grad_.classifier_dtype),
                           accumulates(CCE_GRADIENT_CLASSIFIER), to + j * row_bytes);
    }

    // Step 2 for tokens [first_lane, first_lane + kTaskTokens) of the super-block at `first_token` and one panel of the
    // hidden dimension.
    void add_embeddings(int64_t first_block, int64_t blocks, int64_t first_token, int64_t first_lane, int64_t hidden,
                        int32_t member) {
        Arena arena(thread_base_ + member * thread_bytes_);
        const ThreadScratch s = take_thread(blocking_, kernels_, problem_, &arena);
        const int64_t left = shared_.tokens.count - first_lane;
        const int64_t count = left < kTaskTokens ? left : kTaskTokens;
        memset(s.sums, 0, kTaskTokens * blocking_.panel * sizeof(float));

        EmbeddingsProduct product;
        product.hidden = problem_.spec.hidden;
        product.hidden_panel = hidden;
        product.vectors = blocking_.vectors_of(problem_.spec.hidden, hidden);
        for (int64_t block = 0; block < blocks; ++block) {
            const int32_t classes = blocking_.block_rows(problem_, first_block + block);
            product.packed = shared_.packed + block * blocking_.hidden_panels * blocking_.tile_floats();
            for (int64_t lane = 0; lane < count; lane += blocking_.panel) {
                const int64_t tile = block * blocking_.token_panels + (first_lane + lane) / blocking_.panel;
                product.dz = shared_.dz + tile * blocking_.tile_floats();
                product.sums = s.sums + lane * blocking_.panel;
                product.count = static_cast<int32_t>(count - lane < blocking_.panel ? count - lane : blocking_.panel);
                for_live_rows(shared_.live[tile], classes, [&](int32_t first, int32_t rows) {
                    product.first_class = first;
                    product.classes = rows;
                    kernels_.embeddings(product);
                });
            }
        }
        if (kernels_.exchanged_sums)
            for (int64_t lane = 0; lane < count; lane += blocking_.panel) exchange(s.sums + lane * blocking_.panel);

        const int64_t column = hidden * blocking_.panel;
        const int64_t rest = problem_.spec.hidden - column;
        for (int64_t i = 0; i < count; ++i) {
            float *to = shared_.embeddings != nullptr
                            ? shared_.embeddings + (first_token + first_lane + i) * problem_.spec.hidden
                            : static_cast<float *>(grad_.embeddings) +
                                  shared_.tokens.tokens[first_lane + i] * problem_.spec.hidden;
            kernels_.store(s.sums + i * blocking_.panel, rest < blocking_.panel ? rest : blocking_.panel, Element::kF32,
                           true, to + column);
        }
    }

    void write_embeddings(Team *team) const {
        const int64_t row_bytes = problem_.spec.hidden * dtype_bytes(grad_.embeddings_dtype);
        team->run(div_up(state_.header->valid, kTaskTokens), [&](int64_t task, int32_t) {
            auto *gradient = static_cast<char *>(grad_.embeddings);
            for (int64_t i = task * kTaskTokens; i < (task + 1) * kTaskTokens && i < state_.header->valid; ++i)
                kernels_.store(shared_.embeddings + i * problem_.spec.hidden, problem_.spec.hidden,
                               element_of(grad_.embeddings_dtype), accumulates(CCE_GRADIENT_EMBEDDINGS),
                               gradient + problem_.token_of(state_.valid_rows[i]) * row_bytes);
        });
    }

    // Transposes a (panel, panel) square in place.
    void exchange(float *square) const {
        for (int64_t i = 0; i < blocking_.panel; ++i)
            for (int64_t j = 0; j < i; ++j) {
                const float upper = square[j * blocking_.panel + i];
                square[j * blocking_.panel + i] = square[i * blocking_.panel + j];
                square[i * blocking_.panel + j] = upper;
            }
    }

    uint32_t all_groups(int32_t rows) const { return (uint32_t{1} << div_up(rows, kernels_.group)) - 1; }

    // Calls function(first, rows) for every run of live groups.
    template <typename Function>
    void for_live_rows(uint32_t live, int32_t rows, const Function &function) const {
        const int32_t groups = static_cast<int32_t>(div_up(rows, kernels_.group));
        for (int32_t group = 0; group < groups;) {
            if ((live >> group & 1u) == 0) {
                ++group;
                continue;
            }
            const int32_t first = group * kernels_.group;
            while (group < groups && (live >> group & 1u) != 0) ++group;
            const int32_t end = group * kernels_.group;
            function(first, (end < rows ? end : rows) - first);
        }
    }

    const KernelTable &kernels_;
    const Problem &problem_;
    const cce_inputs &inputs_;
    const cce_gradients &grad_;
    const State &state_;
    const Blocking blocking_;
    const LogitTransform transform_;
    SharedScratch shared_ = {};
    char *thread_base_ = nullptr;
    int64_t thread_bytes_ = 0;
    int32_t threads_ = 0;
    float embeddings_threshold_ = 0.0f;
    float classifier_threshold_ = 0.0f;
    float report_[CCE_REPORT_LENGTH] = {};
};

}  // namespace

int64_t backward_workspace_bytes(const Problem &p, int32_t threads) {
    const KernelTable &table = kernels(p.spec.dtype);
    const Sizes sizes = sizes_of(make_blocking(p, table), table, p);
    return sizes.shared + threads * sizes.thread;
}

int32_t backward(const Problem &p, const cce_inputs &in, const cce_gradients &grad, const State &state, Workspace w,
                 void *) {
    if (state.header->fingerprint != p.fingerprint)
        return fail(CCE_ERROR_STATE, "the state was not filled by a forward of this problem");
    Gradients gradients(p, in, grad, state);
    CCE_TRY(gradients.prepare(w));
    gradients.run();
    return check_targets(p, *state.header);
}

}  // namespace cce::cpu
