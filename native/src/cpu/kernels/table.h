// The kernels of one instruction set, behind function pointers. Everything a kernel file includes lives here or in
// the other headers of this folder: an inline function shared with the rest of the library could be emitted with
// wide instructions and then be picked by the linker for all.
#pragma once

#include <cstdint>

namespace cce::cpu {

// Classes of a block: the rows of one tile of logits. 96 x 64 floats are half of a
// small L1 cache.
constexpr int kBlockClasses = 96;
// Element types of arrays, numbered as CCE_F32, CCE_F16 and CCE_BF16.
enum class Element : int32_t { kF32 = 0, kF16 = 1, kBF16 = 2 };

// Rows of a dense row-major matrix: rows index[0], index[1], ... or, without an index, first, first + 1, ...
struct Rows {
    const void *base;
    Element element;
    int64_t width;
    const int64_t *index;
    int64_t first;
};

// The three products. Operands lie as the family's own pack functions and gradient_tile() left them; a family with
// other formats than float32 keeps them in the same room. Sums run over k in ascending order, whatever the blocking.

// tile (rows classes, panel tokens) = C . E over the hidden dimension.
struct LogitsProduct {
    const float *packed;        // C's block; NULL: `classes`, the caller's float32 rows of `hidden` elements
    const float *classes;
    const float *tokens;        // one panel of E
    float *tile;
    int64_t hidden;
    int32_t rows;
    int32_t vectors;
};

// sums (rows classes, panel hidden) (+)= dz . E over tokens; one panel of dC.
struct ClassifierProduct {
    const float *dz;            // from the first row's tile on, tiles kBlockClasses * panel apart
    const float *tokens;        // one panel of E's hidden dimensions
    float *sums;
    int64_t sums_row;           // distance of its rows
    int64_t count;              // tokens
    int32_t rows;
    int32_t vectors;
    bool accumulate;
};

// sums (count tokens, panel hidden) += dz^T . C over the classes first_class ... first_class + classes of a block; one
// panel of dE, tokens and hidden dimension exchanged if the family says so.
struct EmbeddingsProduct {
    const float *dz;            // one tile
    const float *packed;        // C's block
    float *sums;
    int64_t hidden;
    int64_t hidden_panel;
    int32_t first_class;
    int32_t classes;
    int32_t count;
    int32_t vectors;
};

// From E.C to z.
struct LogitTransform {
    float softcap;  // 0: none
    float inverse_softcap;
    float inverse_temperature;
};

// One tile of E.C, (rows classes) x (lanes tokens), and the running statistics of its tokens.
struct ForwardTile {
    float *tile;
    int32_t rows;
    int32_t vectors;
    int64_t first_class;
    const float *bias;          // (rows)
    const float *weights;       // (rows); NULL: no weighted sum is wanted
    LogitTransform transform;
    float *maximum;             // max z
    float *sum;                 // sum exp(z - maximum), and what its roundings lost
    float *sum_rest;
    float *entropy;             // sum exp(z - maximum) * (z - maximum); NULL: not wanted
    float *weighted;            // sum w * z; used with weights only
    float *best;                // largest z, and its class; NULL: not wanted
    int64_t *best_class;
    const int64_t *targets;     // classes; NULL: not wanted
    float *target_logit;
};

// What the gradient of one token needs: dz = alpha * p - beta * [j = y] - gamma * w.
struct TokenGradient {
    const float *lse;
    const float *alpha;
    const float *beta;
    const float *gamma;
    const int64_t *targets;
};

// One tile of E.C, turned into the gradient of E.C.
struct GradientTile {
    float *tile;                // in: E.C; out: the gradient with entries below `threshold` dropped
    float *second;              // the same with `second_threshold`, for dC; NULL: not wanted
    int32_t rows;
    int32_t vectors;
    int64_t first_class;
    const float *bias;
    const float *weights;       // (rows), zeros without label smoothing
    LogitTransform transform;
    TokenGradient tokens;
    float threshold;
    float second_threshold;
};

// Groups of KernelTable::group rows that hold anything but zeros.
struct LiveGroups {
    uint32_t tile;
    uint32_t second;
};

// One tile of E.C; the softmax mass below two thresholds is added to `dropped` and `second_dropped`, (lanes).
struct DroppedTile {
    float *tile;
    int32_t rows;
    int32_t vectors;
    int64_t first_class;
    const float *bias;
    LogitTransform transform;
    const float *lse;
    const int64_t *targets;
    float threshold;
    float second_threshold;
    float *dropped;
    float *second_dropped;
};

struct KernelTable {
    const char *name;
    const char *features;
    int32_t lanes;              // floats of a vector
    int32_t panel;              // lanes of a panel: tokens of a tile of logits, hidden dimensions of dE's and dC's

    int32_t group;              // classes that a filter leaves out of the products together
    bool own_classifier_dz;     // dC and db read dz in a form of their own: GradientTile::second is always needed
    bool exchanged_sums;        // dE's sums are (hidden, tokens)

    // One panel of E with tokens as lanes, zero from `count` on.
    void (*pack_tokens)(const Rows &rows, int64_t count, float *panel);
    // The same tokens with hidden dimensions as lanes, zero beyond the width, panels `stride` apart.
    void (*pack_token_panels)(const Rows &rows, int64_t count, int64_t stride, float *panels);
    // A block of C for the logits and, if wanted, for dE, (hidden_panels, kBlockClasses, panel) floats of room.
    void (*pack_classes)(const Rows &rows, int64_t count, bool for_embeddings, float *packed);
    void (*logits)(const LogitsProduct &product);
    void (*classifier)(const ClassifierProduct &product);
    void (*embeddings)(const EmbeddingsProduct &product);
    void (*forward_tile)(const ForwardTile &tile);
    LiveGroups (*gradient_tile)(const GradientTile &tile);
    void (*dropped_tile)(const DroppedTile &tile);
    // sums[i] += sum of the lanes of row i of a tile of dC's dz.
    void (*add_row_sums)(const float *tile, int32_t rows, int32_t vectors, float *sums);
    // z = transform(tokens(i) . classes(i) + bias[i]) for up to a panel of pairs; `bias` becomes z. `scratch` has room
    // for two panels of E.
    void (*lane_dots)(const Rows &tokens, const Rows &classes, int64_t count, const LogitTransform &transform,
                      float *scratch, float *bias);
    // to[i] = values[i], or to[i] += values[i], rounded to the element type of `to`.
    void (*store)(const float *values, int64_t count, Element element, bool accumulate, void *to);
    // values[i] = from[i].
    void (*load)(const void *from, Element element, int64_t count, float *values);
};

const KernelTable &generic_kernels();
#if defined(__x86_64__)
const KernelTable &avx2_kernels();
const KernelTable &avx512_kernels();
const KernelTable &amx_kernels();  // bfloat16 alone
#elif defined(__aarch64__)
const KernelTable &neon_kernels();
#endif

}  // namespace cce::cpu
