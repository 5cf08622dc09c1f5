// The three products on tile registers: 2 x 2 tiles of sums, so that four loads feed four products of 16 x 16 x 32.
//
// E and C are bfloat16 and exact. The gradient dz is float32; it is split into two bfloat16 parts, high + low, which
// keep 16 bits of it, and costs two products: without the low part gradients would carry bfloat16's rounding.
#pragma once

#include <immintrin.h>

#include "cpu/kernels/amx_pack.h"
#include "cpu/kernels/tiles.h"

namespace cce::cpu::CCE_FAMILY {

constexpr int64_t kRowBytes = kPanel * 4;
constexpr int64_t kTileBytes = 1024;
constexpr int64_t kPairBytes = kTileSide * kRowBytes;    // 16 rows of words: a step of k of a right operand
constexpr int64_t kColumnBytes = 2 * kTileSide * 4;      // two tiles of columns
constexpr int64_t kPanelBytes = kPanel * kRowBytes;
constexpr int64_t kBlockBytes = kBlockClasses * kRowBytes;

// Eight tiles of 16 rows of 64 bytes for as long as it lives.
class Tiles {
public:
    Tiles() {
        struct {
            uint8_t palette, start_row, reserved[14];
            uint16_t row_bytes[16];
            uint8_t rows[16];
        } config = {};
        config.palette = 1;
        for (int i = 0; i < 8; ++i) {
            config.row_bytes[i] = 64;
            config.rows[i] = 16;
        }
        _tile_loadconfig(&config);
    }
    ~Tiles() { _tile_release(); }
};

CCE_INLINE void zero_sums() {
    _tile_zero(0);
    _tile_zero(1);
    _tile_zero(2);
    _tile_zero(3);
}

CCE_INLINE void load_sums(const char *c, int64_t row_bytes) {
    _tile_loadd(0, c, row_bytes);
    _tile_loadd(1, c + 64, row_bytes);
    _tile_loadd(2, c + 16 * row_bytes, row_bytes);
    _tile_loadd(3, c + 16 * row_bytes + 64, row_bytes);
}

CCE_INLINE void store_sums(char *c, int64_t row_bytes) {
    _tile_stored(0, c, row_bytes);
    _tile_stored(1, c + 64, row_bytes);
    _tile_stored(2, c + 16 * row_bytes, row_bytes);
    _tile_stored(3, c + 16 * row_bytes + 64, row_bytes);
}

CCE_INLINE void load_left(const char *upper, const char *lower, int64_t row_bytes) {
    _tile_loadd(4, upper, row_bytes);
    _tile_loadd(5, lower, row_bytes);
}

CCE_INLINE void load_right(const char *b, int64_t row_bytes) {
    _tile_loadd(6, b, row_bytes);
    _tile_loadd(7, b + 64, row_bytes);
}

CCE_INLINE void multiply_sums() {
    _tile_dpbf16ps(0, 4, 6);
    _tile_dpbf16ps(1, 4, 7);
    _tile_dpbf16ps(2, 5, 6);
    _tile_dpbf16ps(3, 5, 7);
}

CCE_INLINE const char *bytes(const float *p) { return reinterpret_cast<const char *>(p); }
CCE_INLINE char *bytes(float *p) { return reinterpret_cast<char *>(p); }

void tile_logits(const LogitsProduct &l) {
    const Tiles tiles;
    const int64_t steps = steps_of(l.hidden);
    for (int32_t row = 0; row < l.rows; row += 2 * kTileSide)
        for (int32_t vector = 0; vector < l.vectors; vector += 2) {
            const char *a = bytes(l.packed) + row / kTileSide * steps * kTileBytes;
            const char *b = bytes(l.tokens) + vector * 64;
            zero_sums();
            for (int64_t step = 0; step < steps; ++step) {
                load_left(a + step * kTileBytes, a + (steps + step) * kTileBytes, 64);
                load_right(b + step * kPairBytes, kRowBytes);
                multiply_sums();
            }
            store_sums(bytes(l.tile) + row * kRowBytes + vector * 64, kRowBytes);
        }
}

// A row of dz: 64 high parts, then 64 low parts.
void tile_classifier(const ClassifierProduct &c) {
    const Tiles tiles;
    const int64_t row_bytes = c.sums_row * 4;
    for (int32_t row = 0; row < c.rows; row += 2 * kTileSide)
        for (int32_t vector = 0; vector < c.vectors; vector += 2) {
            char *sums = bytes(c.sums) + row * row_bytes + vector * 64;
            if (c.accumulate)
                load_sums(sums, row_bytes);
            else
                zero_sums();
            for (int64_t k = 0; k < c.count; k += kTileK) {
                const char *a = bytes(c.dz) + k / kPanel * kBlockBytes + row * kRowBytes + k % kPanel * 2;
                const char *b = bytes(c.tokens) + k / kPanel * kPanelBytes + k % kPanel / 2 * kRowBytes + vector * 64;
                load_right(b, kRowBytes);
                load_left(a, a + 16 * kRowBytes, kRowBytes);
                multiply_sums();
                load_left(a + kRowBytes / 2, a + 16 * kRowBytes + kRowBytes / 2, kRowBytes);
                multiply_sums();
            }
            store_sums(sums, row_bytes);
        }
}

// Two rows of dz: the high parts of a pair of classes, then the low parts.
void tile_embeddings(const EmbeddingsProduct &e) {
    const Tiles tiles;
    const char *packed = bytes(e.packed + embeddings_offset(e.hidden)) +
                         e.hidden_panel * (kPanel / kTileSide) * kBlockTilesK * kTileBytes;
    const int64_t first = e.first_class / kTileK, last = steps_of(e.first_class + e.classes);
    for (int32_t vector = 0; vector < e.vectors; vector += 2)
        for (int32_t token = 0; token < e.count; token += 2 * kTileSide) {
            char *sums = bytes(e.sums) + vector * kTileSide * kRowBytes + token * 4;
            load_sums(sums, kRowBytes);
            for (int64_t step = first; step < last; ++step) {
                const char *a = packed + (vector * kBlockTilesK + step) * kTileBytes;
                const char *b = bytes(e.dz) + step * kTileK * kRowBytes + token * 4;
                load_left(a, a + kBlockTilesK * kTileBytes, 64);
                load_right(b, 2 * kRowBytes);
                multiply_sums();
                load_right(b + kRowBytes, 2 * kRowBytes);
                multiply_sums();
            }
            store_sums(sums, kRowBytes);
        }
}

struct Parts {
    Bits high;  // in the upper 16 bits
    Bits low;
};

CCE_INLINE Bits round_to_bfloat(Floats v) {
    return __builtin_convertvector(reinterpret_cast<Halves>(_mm512_cvtneps_pbh(v)), Bits) << 16;
}

CCE_INLINE Parts split(Floats v) {
    const Bits high = round_to_bfloat(v);
    const Floats rest = absolute(floats(high)) < __builtin_inff() ? v - floats(high) : Floats{};
    return {high, round_to_bfloat(rest)};
}

CCE_INLINE void narrow_row(float *row, const Floats (&v)[kVectors]) {
    for (int i = 0; i < kVectors; i += 2) {
        Parts a = split(v[i]), b = split(v[i + 1]);
        const auto high = _mm512_cvtne2ps_pbh(floats(b.high), floats(a.high));
        const auto low = _mm512_cvtne2ps_pbh(floats(b.low), floats(a.low));
        __builtin_memcpy(row + i * kLanes / 2, &high, 64);
        __builtin_memcpy(row + kPanel / 2 + i * kLanes / 2, &low, 64);
    }
}

// The float32 gradient, then `second` turned into dC's left operand and `tile` into dE's right one, in place.
LiveGroups tile_gradient(const GradientTile &t) {
    const LiveGroups live = gradient_tile(t);
    const auto entry = [&](const float *tile, int32_t row, int vector) {
        return row < t.rows && vector < t.vectors ? load(tile + row * kPanel + vector * kLanes) : Floats{};
    };
    const int32_t rows = static_cast<int32_t>(steps_of(t.rows)) * kTileK;
    for (int32_t j = 0; t.second != nullptr && j < rows; ++j) {
        Floats row[kVectors];
        for (int v = 0; v < kVectors; ++v) row[v] = entry(t.second, j, v);
        narrow_row(t.second + j * kPanel, row);
    }
    for (int32_t j = 0; j < rows; j += 2)
        for (int v = 0; v < kVectors; ++v) {
            const Parts a = split(entry(t.tile, j, v)), b = split(entry(t.tile, j + 1, v));
            store_words(t.tile + j * kPanel + v * kLanes, a.high >> 16 | b.high);
            store_words(t.tile + (j + 1) * kPanel + v * kLanes, a.low >> 16 | b.low);
        }
    return live;
}

void add_part_sums(const float *tile, int32_t rows, int32_t, float *sums) {
    for (int32_t j = 0; j < rows; ++j) {
        const auto *parts = reinterpret_cast<const BFloat *>(tile + j * kPanel);
        Floats sum = {};
        for (int i = 0; i < 2 * kPanel; i += kLanes) {
            Halves halves;
            __builtin_memcpy(&halves, parts + i, sizeof halves);
            sum += widen(halves, Element::kBF16);
        }
        sums[j] += sum_lanes(sum);
    }
}

}  // namespace cce::cpu::CCE_FAMILY
