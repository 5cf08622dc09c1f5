// bfloat16 operands for the tile registers. A tile is 16 rows of 64 bytes; a product takes rows of 32 values of k from
// the left operand, stored here tile after tile, and rows of 16 pairs along k from the right one, a pair being one
// 32-bit word. Everything fits in the room that float32 panels would take.
#pragma once

#include "cpu/kernels/pack.h"

namespace cce::cpu::CCE_FAMILY {

constexpr int kTileK = 32;
constexpr int kTileSide = 16;
constexpr int64_t kTileWords = 256;
constexpr int64_t kBlockTilesK = kBlockClasses / kTileK;

// Steps of 32 that cover `count`.
constexpr int64_t steps_of(int64_t count) { return (count + kTileK - 1) / kTileK; }

using BFloat = uint16_t;

struct Words {
    Bits rows[kTileSide];
};

// Four perfect shuffles of 16 rows transpose them.
CCE_INLINE void transpose(Words *w) {
    for (int stage = 0; stage < 4; ++stage) {
        Words next;
#pragma GCC unroll 8
        for (int i = 0; i < kTileSide / 2; ++i) {
            const Bits a = w->rows[i], b = w->rows[i + 8];
            next.rows[2 * i] = __builtin_shufflevector(a, b, 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23);
            next.rows[2 * i + 1] =
                __builtin_shufflevector(a, b, 8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31);
        }
        *w = next;
    }
}

// Values [at, at + 16) of a row, zero beyond its width.
CCE_INLINE Bits load_values(const BFloat *row, int64_t at, int64_t width) {
    return bits(load_row<Element::kBF16>(row, at, width)) >> 16;
}

// Values [at, at + 32) of a row as words of pairs along it.
CCE_INLINE Bits load_pairs(const BFloat *row, int64_t at, int64_t width) {
    BFloat values[kTileK] = {};
    const BFloat *from = row + at;
    if (at + kTileK > width) {
        for (int64_t i = at; i < width; ++i) values[i - at] = row[i];
        from = values;
    }
    Bits words;
    __builtin_memcpy(&words, from, sizeof words);
    return words;
}

CCE_INLINE void store_words(float *to, Bits words) { store(to, floats(words)); }

// Logits' right operand: (pairs along the hidden dimension, panel tokens) words.
void pack_token_words(const Rows &rows, int64_t count, float *panel) {
    for (int64_t step = 0; step < steps_of(rows.width); ++step)
        for (int64_t first = 0; first < kPanel; first += kTileSide) {
            Words w;
            for (int64_t i = 0; i < kTileSide; ++i)
                w.rows[i] = first + i < count
                                ? load_pairs(row_of<Element::kBF16>(rows, first + i), step * kTileK, rows.width)
                                : Bits{};
            transpose(&w);
            for (int64_t i = 0; i < kTileSide; ++i)
                store_words(panel + (step * kTileSide + i) * kPanel + first, w.rows[i]);
        }
}

// dC's right operand: (pairs of tokens, panel hidden) words.
void pack_token_pairs(const Rows &rows, int64_t count, int64_t stride, float *panels) {
    for (int64_t i = 0; i < kPanel; i += 2)
        for (int64_t d = 0; d < (rows.width + kPanel - 1) / kPanel * kPanel; d += kLanes) {
            Bits pair = {};
            if (i < count) pair = load_values(row_of<Element::kBF16>(rows, i), d, rows.width);
            if (i + 1 < count) pair |= load_values(row_of<Element::kBF16>(rows, i + 1), d, rows.width) << 16;
            store_words(panels + d / kPanel * stride + i / 2 * kPanel + d % kPanel, pair);
        }
}

// Where dE's operand lies behind the logits'.
constexpr int64_t embeddings_offset(int64_t hidden) {
    return kBlockClasses / kTileSide * steps_of(hidden) * kTileWords;
}

// The left operands: of the logits, tiles (classes / 16, hidden / 32), and of dE, which is summed with the hidden
// dimension as rows, tiles (hidden / 16, classes / 32).
void pack_class_tiles(const Rows &rows, int64_t count, bool for_embeddings, float *packed) {
    const int64_t steps = steps_of(rows.width);
    for (int64_t j = 0; j < steps_of(count) * kTileK; ++j)
        for (int64_t step = 0; step < steps; ++step)
            store_words(packed + (j / kTileSide * steps + step) * kTileWords + j % kTileSide * kTileSide,
                        j < count ? load_pairs(row_of<Element::kBF16>(rows, j), step * kTileK, rows.width) : Bits{});
    if (!for_embeddings) return;
    float *tiles = packed + embeddings_offset(rows.width);
    for (int64_t d = 0; d < (rows.width + kPanel - 1) / kPanel * kPanel; d += kTileSide)
        for (int64_t step = 0; step < steps_of(count); ++step) {
            Words w;
            for (int64_t i = 0; i < kTileSide; ++i) {
                const int64_t j = step * kTileK + 2 * i;
                w.rows[i] = j < count ? load_values(row_of<Element::kBF16>(rows, j), d, rows.width) : Bits{};
                if (j + 1 < count) w.rows[i] |= load_values(row_of<Element::kBF16>(rows, j + 1), d, rows.width) << 16;
            }
            transpose(&w);
            float *tile = tiles + (d / kTileSide * kBlockTilesK + step) * kTileWords;
            for (int64_t i = 0; i < kTileSide; ++i) store_words(tile + i * kTileSide, w.rows[i]);
        }
}

}  // namespace cce::cpu::CCE_FAMILY
