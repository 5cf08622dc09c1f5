// z[i, y[i]], one dot product a position. Panels of tokens and of their targets' classes are transposed side by side:
// a lane is a position and sums in ascending k, as the float32 tiles of forward do.
#include <cstring>

#include "cpu/compute.h"
#include "cpu/dispatch.h"
#include "cpu/operands.h"
#include "cpu/targets.h"

namespace cce::cpu {
namespace {

struct ThreadScratch {
    float *panels;      // two of (D, panel), of lane_dots
    float *logits;      // (panel)
    int64_t *rows;      // (panel) rows of E
    int64_t *targets;   // (panel)
};

ThreadScratch take_thread(const Problem &p, const KernelTable &kernels, Arena *arena) {
    ThreadScratch s;
    s.panels = arena->take<float>(2 * p.spec.hidden * kernels.panel);
    s.logits = arena->take<float>(kernels.panel);
    s.rows = arena->take<int64_t>(kernels.panel);
    s.targets = arena->take<int64_t>(kernels.panel);
    return s;
}

int64_t thread_bytes(const Problem &p, const KernelTable &kernels) {
    Arena arena(nullptr);
    take_thread(p, kernels, &arena);
    return arena.bytes();
}

}  // namespace

int64_t indexed_dot_workspace_bytes(const Problem &p, int32_t threads) {
    return align_up(p.rows * static_cast<int64_t>(sizeof(int64_t))) + threads * thread_bytes(p, kernels(p.spec.dtype));
}

int32_t indexed_dot(const Problem &p, const cce_inputs &in, float *target_logit, Workspace w, void *) {
    const KernelTable &table = kernels(p.spec.dtype);
    const int64_t bytes = thread_bytes(p, table);
    Arena arena(w.base);
    int64_t *valid_rows = arena.take<int64_t>(p.rows);
    const int32_t threads = serving_threads(w.bytes, arena.bytes(), bytes);
    if (threads == 0) return workspace_too_small(w.bytes, arena.bytes() + bytes);
    char *scratch = arena.take<char>(threads * bytes);

    const StateHeader positions = find_positions(p, in, valid_rows);
    if (p.rows > 0) memset(target_logit, 0, p.rows * sizeof(float));
    const LogitTransform transform = logit_transform(p);
    Team team(threads);
    team.run(div_up(positions.valid, table.panel), [&](int64_t panel, int32_t member) {
        Arena own(scratch + member * bytes);
        const ThreadScratch s = take_thread(p, table, &own);
        const int64_t first = panel * table.panel;
        const int64_t rest = positions.valid - first;
        const int64_t count = rest < table.panel ? rest : table.panel;
        for (int64_t i = 0; i < count; ++i) {
            s.rows[i] = p.token_of(valid_rows[first + i]);
            s.targets[i] = target_at(p, in, valid_rows[first + i]);
            s.logits[i] = 0.0f;
            if (in.bias == nullptr) continue;
            const char *bias = static_cast<const char *>(in.bias) + s.targets[i] * dtype_bytes(p.spec.bias_dtype);
            table.load(bias, element_of(p.spec.bias_dtype), 1, s.logits + i);
        }
        for (int64_t i = count; i < table.panel; ++i) s.logits[i] = 0.0f;
        const Element element = element_of(p.spec.dtype);
        const Rows tokens = {in.embeddings, element, p.spec.hidden, s.rows, 0};
        const Rows classes = {in.classifier, element, p.spec.hidden, s.targets, 0};
        table.lane_dots(tokens, classes, count, transform, s.panels, s.logits);
        for (int64_t i = 0; i < count; ++i) target_logit[valid_rows[first + i]] = s.logits[i];
    });
    return check_targets(p, positions);
}

}  // namespace cce::cpu
