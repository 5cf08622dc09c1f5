// The three products in float32, each an instance of multiply().
#pragma once

#include "cpu/kernels/multiply.h"

namespace cce::cpu::CCE_FAMILY {

constexpr int64_t kTileFloats = int64_t{kBlockClasses} * kPanel;

void logits(const LogitsProduct &l) {
    Product p = {};
    if (l.packed != nullptr) {
        p.a = l.packed;
        p.a_row = kPanel;
        p.a_segment = kPanel;
        p.a_segment_stride = kTileFloats;
    } else {
        p.a = l.classes;
        p.a_row = l.hidden;
        p.a_segment = l.hidden;
    }
    p.a_k = 1;
    p.b = l.tokens;
    p.c = l.tile;
    p.c_row = kPanel;
    p.k = l.hidden;
    p.rows = l.rows;
    p.vectors = l.vectors;
    multiply(p);
}

void classifier(const ClassifierProduct &c) {
    Product p = {};
    p.a = c.dz;
    p.a_row = kPanel;
    p.a_k = 1;
    p.a_segment = kPanel;
    p.a_segment_stride = kTileFloats;
    p.b = c.tokens;
    p.c = c.sums;
    p.c_row = c.sums_row;
    p.k = c.count;
    p.rows = c.rows;
    p.vectors = c.vectors;
    p.accumulate = c.accumulate;
    multiply(p);
}

void embeddings(const EmbeddingsProduct &e) {
    Product p = {};
    p.a = e.dz + e.first_class * kPanel;
    p.a_row = 1;
    p.a_k = kPanel;
    p.a_segment = kBlockClasses;
    p.b = e.packed + e.hidden_panel * kTileFloats + e.first_class * kPanel;
    p.c = e.sums;
    p.c_row = kPanel;
    p.k = e.classes;
    p.rows = e.count;
    p.vectors = e.vectors;
    p.accumulate = true;
    multiply(p);
}

}  // namespace cce::cpu::CCE_FAMILY
