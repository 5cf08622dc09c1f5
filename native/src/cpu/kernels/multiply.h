// The one float32 matrix product that logits, dC and dE are made of.
//
// A register tile of kTileRows rows times up to kVectors vectors: per step of k, kVectors loads and one broadcast a
// row feed kTileRows * kVectors fused multiply-adds (24 on AVX-512, from 10 loads), enough independent chains to
// hide their latency. k is blocked so that the slice of b stays in L1 while all rows pass over it. Every slice is
// summed from zero and then added to c: the error of long sums grows with the number of slices, not of terms.
#pragma once

#include "cpu/kernels/simd.h"

namespace cce::cpu::CCE_FAMILY {

constexpr int kTileRows = 6;

// c[i][lane] (+)= sum_k a(i, k) * b[k * kPanel + lane] for `vectors` vectors of lanes, where
// a(i, k) = a[i * a_row + k / a_segment * a_segment_stride + k % a_segment * a_k].
struct Product {
    const float *a;
    int64_t a_row;
    int64_t a_k;
    int64_t a_segment;
    int64_t a_segment_stride;
    const float *b;
    float *c;
    int64_t c_row;
    int64_t k;
    int32_t rows;
    int32_t vectors;
    bool accumulate;
};

// Steps of k in a slice: 32 KiB of a full panel of b. The same for narrower ones, so that the bits of a sum do not depend
// on where in a panel it is.
constexpr int64_t kSlice = 8192 / kPanel;

template <int kRows, int kColumns>
void multiply_tile(const Product &p, const float *a, int64_t from, int64_t to, float *c, bool accumulate) {
    Floats sums[kRows][kColumns];
#pragma GCC unroll 8
    for (int i = 0; i < kRows; ++i)
#pragma GCC unroll 8
        for (int v = 0; v < kColumns; ++v) sums[i][v] = Floats{};

    const float *b = p.b + from * kPanel;
    for (int64_t k = from; k < to;) {
        const int64_t rest = p.a_segment - k % p.a_segment;
        const int64_t end = to - k < rest ? to : k + rest;
        const float *step = a + k / p.a_segment * p.a_segment_stride + k % p.a_segment * p.a_k;
        for (; k < end; ++k, step += p.a_k, b += kPanel) {
            Floats columns[kColumns];
#pragma GCC unroll 8
            for (int v = 0; v < kColumns; ++v) columns[v] = load(b + v * kLanes);
#pragma GCC unroll 8
            for (int i = 0; i < kRows; ++i) {
                const Floats scale = splat(step[i * p.a_row]);
#pragma GCC unroll 8
                for (int v = 0; v < kColumns; ++v) sums[i][v] += scale * columns[v];
            }
        }
    }
#pragma GCC unroll 8
    for (int i = 0; i < kRows; ++i)
#pragma GCC unroll 8
        for (int v = 0; v < kColumns; ++v) {
            float *to_c = c + i * p.c_row + v * kLanes;
            store(to_c, accumulate ? load(to_c) + sums[i][v] : sums[i][v]);
        }
}

using MultiplyTile = void (*)(const Product &, const float *, int64_t, int64_t, float *, bool);

template <int kColumns>
CCE_INLINE MultiplyTile tile_of_rows(int64_t rows) {
    switch (rows) {
        case 1: return multiply_tile<1, kColumns>;
        case 2: return multiply_tile<2, kColumns>;
        case 3: return multiply_tile<3, kColumns>;
        case 4: return multiply_tile<4, kColumns>;
        case 5: return multiply_tile<5, kColumns>;
        default: return multiply_tile<kTileRows, kColumns>;
    }
}

CCE_INLINE MultiplyTile tile_of(int64_t rows, int32_t vectors) {
    if constexpr (kVectors > 2) {
        if (vectors == 3) return tile_of_rows<3>(rows);
        if (vectors == 4) return tile_of_rows<4>(rows);
    }
    return vectors == 1 ? tile_of_rows<1>(rows) : tile_of_rows<2>(rows);
}

void multiply(const Product &p) {
    const MultiplyTile full = tile_of(kTileRows, p.vectors);
    for (int64_t from = 0; from < p.k; from += kSlice) {
        const int64_t to = p.k - from < kSlice ? p.k : from + kSlice;
        const bool accumulate = p.accumulate || from > 0;
        int64_t i = 0;
        for (; i + kTileRows <= p.rows; i += kTileRows)
            full(p, p.a + i * p.a_row, from, to, p.c + i * p.c_row, accumulate);
        if (i < p.rows) tile_of(p.rows - i, p.vectors)(p, p.a + i * p.a_row, from, to, p.c + i * p.c_row, accumulate);
    }
}

}  // namespace cce::cpu::CCE_FAMILY
