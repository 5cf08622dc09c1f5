// The two operands of the logits as the kernels want them: a super-block of tokens, shared by all threads, and a
// block of classes, of one thread.
#pragma once

#include "cpu/arena.h"
#include "cpu/blocking.h"
#include "cpu/thread_pool.h"

namespace cce::cpu {

struct TokenBlock {
    int64_t count;
    int64_t *rows;          // (super_tokens) positions
    int64_t *tokens;        // (super_tokens) rows of E
    int64_t *targets;       // (super_tokens) classes, -1 from `count` on and without targets
    float *transposed;      // (token_panels, hidden_padded, panel)
    float *panels;          // (hidden_panels, super_tokens, panel); NULL where dC is not wanted
};

TokenBlock take_token_block(const Blocking &b, bool panels, Arena *arena);

// Fills `block` with the positions valid_rows[first ...], at most a super-block of them.
void load_token_block(const Blocking &b, const KernelTable &kernels, const Problem &p, const cce_inputs &in,
                      const int64_t *valid_rows, int64_t valid, int64_t first, bool panels, Team *team,
                      TokenBlock *block);

struct ClassBlock {
    int64_t first;
    int32_t rows;
    float *bias;            // (kBlockClasses) zeros without a bias
    float *weights;         // (kBlockClasses) ones without class weights
    const float *packed;    // as the kernels packed it; NULL: the rows are read where they are, float32
};

ClassBlock take_class_block(Arena *arena);

// Loads bias and weights of block `index`.
void load_class_block(const Blocking &b, const KernelTable &kernels, const Problem &p, const cce_inputs &in,
                      int64_t index, ClassBlock *block);
// Packs the block's rows of C into `packed` (hidden_panels, kBlockClasses, panel) for the logits and, if wanted,
// for dE.
void pack_class_block(const KernelTable &kernels, const Problem &p, const cce_inputs &in, bool for_embeddings,
                      float *packed, ClassBlock *block);

// tile = C . E of one panel of tokens.
void multiply_logits(const Blocking &b, const KernelTable &kernels, const Problem &p, const cce_inputs &in,
                     const TokenBlock &tokens, int64_t panel, const ClassBlock &classes, float *tile);

LogitTransform logit_transform(const Problem &p);

inline Element element_of(int32_t dtype) { return static_cast<Element>(dtype); }

// As many threads as the settings ask for and the workspace serves; 0 if it does not serve one.
int32_t serving_threads(int64_t workspace_bytes, int64_t shared_bytes, int64_t thread_bytes);

// Fails with CCE_ERROR_BUFFER_TOO_SMALL.
int32_t workspace_too_small(int64_t bytes, int64_t needed);

}  // namespace cce::cpu
