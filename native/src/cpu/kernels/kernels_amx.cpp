// AMX: bfloat16 products on tile registers, everything else on AVX-512.
#define CCE_FAMILY amx
namespace cce::cpu::CCE_FAMILY {
constexpr int kLanes = 16;
constexpr int kVectors = 4;
constexpr int kGroup = 32;
}  // namespace cce::cpu::CCE_FAMILY

#include "cpu/kernels/amx_products.h"
#include "cpu/kernels/family.h"

namespace cce::cpu {
namespace {

constexpr KernelTable make_amx_table() {
    KernelTable table = amx::make_table("amx", "AMX-BF16, AVX-512 F BW DQ VL BF16");
    table.own_classifier_dz = true;
    table.exchanged_sums = true;
    table.pack_tokens = amx::pack_token_words;
    table.pack_token_panels = amx::pack_token_pairs;
    table.pack_classes = amx::pack_class_tiles;
    table.logits = amx::tile_logits;
    table.classifier = amx::tile_classifier;
    table.embeddings = amx::tile_embeddings;
    table.gradient_tile = amx::tile_gradient;
    table.add_row_sums = amx::add_part_sums;
    return table;
}

}  // namespace

const KernelTable &amx_kernels() {
    static constexpr KernelTable table = make_amx_table();
    return table;
}

}  // namespace cce::cpu
