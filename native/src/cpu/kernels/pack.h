// Rows of E and C rearranged into the panels that the products read with unit stride, converted to float32.
#pragma once

#include "cpu/kernels/convert.h"

namespace cce::cpu::CCE_FAMILY {

template <Element kElement>
CCE_INLINE const typename Storage<kElement>::Type *row_of(const Rows &rows, int64_t i) {
    const int64_t row = rows.index != nullptr ? rows.index[i] : rows.first + i;
    return static_cast<const typename Storage<kElement>::Type *>(rows.base) + row * rows.width;
}

template <Element kElement>
void transpose_rows(const Rows &rows, int64_t count, float *panel) {
    float block[kPanel * kLanes] = {};
    for (int64_t k = 0; k < rows.width; k += kLanes) {
        for (int64_t i = 0; i < count; ++i)
            store(block + i * kLanes, load_row<kElement>(row_of<kElement>(rows, i), k, rows.width));
        const int64_t columns = rows.width - k < kLanes ? rows.width - k : kLanes;
        for (int64_t j = 0; j < columns; ++j)
            for (int64_t i = 0; i < kPanel; ++i) panel[(k + j) * kPanel + i] = block[i * kLanes + j];
    }
}

void pack_tokens(const Rows &rows, int64_t count, float *panel) {
    CCE_BY_ELEMENT(rows.element, transpose_rows, rows, count, panel);
}

template <Element kElement>
void split_rows(const Rows &rows, int64_t count, int64_t stride, float *panels) {
    for (int64_t i = 0; i < count; ++i) {
        const auto *row = row_of<kElement>(rows, i);
        float *to = panels + i * kPanel;
        for (int64_t d = 0; d < rows.width; d += kPanel, to += stride)
            for (int v = 0; v < kVectors; ++v)
                store(to + v * kLanes, load_row<kElement>(row, d + v * kLanes, rows.width));
    }
}

void pack_token_panels(const Rows &rows, int64_t count, int64_t stride, float *panels) {
    CCE_BY_ELEMENT(rows.element, split_rows, rows, count, stride, panels);
}

void pack_classes(const Rows &rows, int64_t count, bool, float *packed) {
    pack_token_panels(rows, count, int64_t{kBlockClasses} * kPanel, packed);
}

}  // namespace cce::cpu::CCE_FAMILY
