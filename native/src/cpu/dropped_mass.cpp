#include "cpu/dropped_mass.h"

namespace cce::cpu {

DroppedMassPass::Shared DroppedMassPass::take_shared(const Blocking &b, Arena *arena) {
    Shared s;
    s.embeddings = arena->take<float>(b.segments * b.super_tokens);
    s.classifier = arena->take<float>(b.segments * b.super_tokens);
    return s;
}

DroppedMassPass::Thread DroppedMassPass::take_thread(const Blocking &b, const Problem &p, Arena *arena) {
    Thread t;
    t.classes = take_class_block(arena);
    t.packed = p.spec.dtype == CCE_F32 ? nullptr : arena->take<float>(kBlockClasses * b.hidden_padded());
    t.tile = arena->take<float>(b.tile_floats());
    return t;
}

void DroppedMassPass::add(const TokenBlock &tokens, const float *lse, float embeddings_threshold,
                          float classifier_threshold, Team *team, DroppedMass *embeddings, DroppedMass *classifier) {
    team->run(blocking_.segments, [&](int64_t segment, int32_t member) {
        measure_segment(tokens, lse, embeddings_threshold, classifier_threshold, segment, member);
    });
    merge(tokens, shared_.embeddings, embeddings);
    merge(tokens, shared_.classifier, classifier);
}

void DroppedMassPass::measure_segment(const TokenBlock &tokens, const float *lse, float embeddings_threshold,
                                      float classifier_threshold, int64_t segment, int32_t member) {
    Arena arena(thread_base_ + member * thread_bytes_);
    Thread t = take_thread(blocking_, problem_, &arena);
    const int64_t base = segment * blocking_.super_tokens;
    for (int64_t i = base; i < base + blocking_.super_tokens; ++i) shared_.embeddings[i] = shared_.classifier[i] = 0.0f;
    int64_t last = (segment + 1) * blocking_.segment_blocks;
    if (last > blocking_.blocks) last = blocking_.blocks;
    for (int64_t block = segment * blocking_.segment_blocks; block < last; ++block) {
        load_class_block(blocking_, kernels_, problem_, inputs_, block, &t.classes);
        if (t.packed != nullptr) pack_class_block(kernels_, problem_, inputs_, false, t.packed, &t.classes);
        for (int64_t lane = 0; lane < tokens.count; lane += blocking_.panel) {
            const int64_t panel = lane / blocking_.panel;
            multiply_logits(blocking_, kernels_, problem_, inputs_, tokens, panel, t.classes, t.tile);
            kernels_.dropped_tile({t.tile, t.classes.rows, blocking_.vectors_of(tokens.count, panel), t.classes.first,
                                   t.classes.bias, logit_transform(problem_), lse + lane, tokens.targets + lane,
                                   embeddings_threshold, classifier_threshold, shared_.embeddings + base + lane,
                                   shared_.classifier + base + lane});
        }
    }
}

void DroppedMassPass::merge(const TokenBlock &tokens, const float *partials, DroppedMass *mass) const {
    for (int64_t i = 0; i < tokens.count; ++i) {
        double sum = 0.0;
        for (int64_t s = 0; s < blocking_.segments; ++s) sum += partials[s * blocking_.super_tokens + i];
        mass->sum += sum;
        if (sum > mass->worst) mass->worst = sum;
    }
}

}  // namespace cce::cpu
