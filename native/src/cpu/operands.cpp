#include "cpu/operands.h"

#include "common/backend.h"
#include "common/status.h"
#include "cpu/targets.h"

namespace cce::cpu {

TokenBlock take_token_block(const Blocking &b, bool panels, Arena *arena) {
    TokenBlock block = {};
    block.rows = arena->take<int64_t>(b.super_tokens);
    block.tokens = arena->take<int64_t>(b.super_tokens);
    block.targets = arena->take<int64_t>(b.super_tokens);
    block.transposed = arena->take<float>(b.super_tokens * b.hidden_padded());
    if (panels) block.panels = arena->take<float>(b.super_tokens * b.hidden_padded());
    return block;
}

void load_token_block(const Blocking &b, const KernelTable &kernels, const Problem &p, const cce_inputs &in,
                      const int64_t *valid_rows, int64_t valid, int64_t first, bool panels, Team *team,
                      TokenBlock *block) {
    block->count = valid - first < b.super_tokens ? valid - first : b.super_tokens;
    for (int64_t i = 0; i < b.super_tokens; ++i) {
        block->targets[i] = -1;
        if (i >= block->count) continue;
        const int64_t row = valid_rows[first + i];
        block->rows[i] = row;
        block->tokens[i] = p.token_of(row);
        if (in.targets != nullptr) block->targets[i] = target_at(p, in, row);
    }
    team->run(div_up(block->count, b.panel), [&](int64_t panel, int32_t) {
        const int64_t from = panel * b.panel;
        const int64_t count = block->count - from < b.panel ? block->count - from : b.panel;
        const Rows rows = {in.embeddings, element_of(p.spec.dtype), p.spec.hidden, block->tokens + from, 0};
        kernels.pack_tokens(rows, count, block->transposed + from * b.hidden_padded());
        if (panels) kernels.pack_token_panels(rows, count, b.super_tokens * b.panel, block->panels + from * b.panel);
    });
}

ClassBlock take_class_block(Arena *arena) {
    ClassBlock block = {};
    block.bias = arena->take<float>(kBlockClasses);
    block.weights = arena->take<float>(kBlockClasses);
    return block;
}

void load_class_block(const Blocking &b, const KernelTable &kernels, const Problem &p, const cce_inputs &in,
                      int64_t index, ClassBlock *block) {
    block->first = index * kBlockClasses;
    block->rows = b.block_rows(p, index);
    block->packed = nullptr;
    for (int32_t j = 0; j < block->rows; ++j) {
        block->bias[j] = 0.0f;
        block->weights[j] = class_weight(in, block->first + j);
    }
    if (in.bias == nullptr) return;
    const char *bias = static_cast<const char *>(in.bias) + block->first * dtype_bytes(p.spec.bias_dtype);
    kernels.load(bias, element_of(p.spec.bias_dtype), block->rows, block->bias);
}

void pack_class_block(const KernelTable &kernels, const Problem &p, const cce_inputs &in, bool for_embeddings,
                      float *packed, ClassBlock *block) {
    const Rows rows = {in.classifier, element_of(p.spec.dtype), p.spec.hidden, nullptr, block->first};
    kernels.pack_classes(rows, block->rows, for_embeddings, packed);
    block->packed = packed;
}

void multiply_logits(const Blocking &b, const KernelTable &kernels, const Problem &p, const cce_inputs &in,
                     const TokenBlock &tokens, int64_t panel, const ClassBlock &classes, float *tile) {
    LogitsProduct product;
    product.packed = classes.packed;
    product.classes =
        classes.packed == nullptr ? static_cast<const float *>(in.classifier) + classes.first * p.spec.hidden : nullptr;
    product.tokens = tokens.transposed + panel * b.panel * b.hidden_padded();
    product.tile = tile;
    product.hidden = p.spec.hidden;
    product.rows = classes.rows;
    product.vectors = b.vectors_of(tokens.count, panel);
    kernels.logits(product);
}

LogitTransform logit_transform(const Problem &p) {
    const double softcap = p.spec.softcap;
    return {static_cast<float>(softcap), softcap > 0.0 ? static_cast<float>(1.0 / softcap) : 0.0f,
            static_cast<float>(1.0 / p.spec.temperature)};
}

int32_t serving_threads(int64_t workspace_bytes, int64_t shared_bytes, int64_t thread_bytes) {
    if (workspace_bytes < shared_bytes + thread_bytes) return 0;
    const int64_t fitting = (workspace_bytes - shared_bytes) / thread_bytes;
    const int32_t wanted = cpu_threads();
    return fitting < wanted ? static_cast<int32_t>(fitting) : wanted;
}

int32_t workspace_too_small(int64_t bytes, int64_t needed) {
    return fail(CCE_ERROR_BUFFER_TOO_SMALL, "the workspace has %lld bytes, but one thread needs %lld",
                static_cast<long long>(bytes), static_cast<long long>(needed));
}

}  // namespace cce::cpu
