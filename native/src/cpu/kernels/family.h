// Includes every float32 kernel for one instruction set; the including file then exports their table.
#pragma once

#include "cpu/kernels/pack.h"
#include "cpu/kernels/products.h"
#include "cpu/kernels/tiles.h"

namespace cce::cpu::CCE_FAMILY {

constexpr KernelTable make_table(const char *name, const char *features) {
    KernelTable table = {};
    table.name = name;
    table.features = features;
    table.lanes = kLanes;
    table.panel = kPanel;
    table.group = kGroup;
    table.pack_tokens = pack_tokens;
    table.pack_token_panels = pack_token_panels;
    table.pack_classes = pack_classes;
    table.logits = logits;
    table.classifier = classifier;
    table.embeddings = embeddings;
    table.forward_tile = forward_tile;
    table.gradient_tile = gradient_tile;
    table.dropped_tile = dropped_tile;
    table.add_row_sums = add_row_sums;
    table.lane_dots = lane_dots;
    table.store = store_from_float;
    table.load = load_as_float;
    return table;
}

}  // namespace cce::cpu::CCE_FAMILY
