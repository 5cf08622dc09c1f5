#include "cpu/blocking.h"

namespace cce::cpu {
namespace {

constexpr int64_t kSuperTokens = 512;
constexpr int64_t kSegments = 128;
constexpr int64_t kChunkBytes = int64_t{8} << 20;  // of a chunk of dz and of a chunk of C, each
constexpr int64_t kChunkBlocksLeast = 16;          // tasks for the threads even where the hidden size is large
constexpr int64_t kChunkBlocksMost = 64;

constexpr int64_t clamp(int64_t value, int64_t least, int64_t most) {
    return value < least ? least : value > most ? most : value;
}

}  // namespace

Blocking make_blocking(const Problem &p, const KernelTable &kernels) {
    Blocking b = {};
    b.panel = kernels.panel;
    b.lanes = kernels.lanes;
    const int64_t rows = p.rows > 0 ? p.rows : 1;
    b.super_tokens = div_up(div_up(rows, div_up(rows, kSuperTokens)), b.panel) * b.panel;
    b.token_panels = b.super_tokens / b.panel;
    b.hidden_panels = div_up(p.spec.hidden, b.panel);
    b.blocks = div_up(p.spec.classes, kBlockClasses);
    b.segment_blocks = div_up(b.blocks, kSegments);
    b.segments = div_up(b.blocks, b.segment_blocks);
    const int64_t wider = b.hidden_padded() > b.super_tokens ? b.hidden_padded() : b.super_tokens;
    const int64_t fitting = kChunkBytes / (kBlockClasses * static_cast<int64_t>(sizeof(float)) * wider);
    b.chunks = div_up(b.blocks, clamp(fitting, kChunkBlocksLeast, kChunkBlocksMost));
    b.chunk_blocks = div_up(b.blocks, b.chunks);
    return b;
}

}  // namespace cce::cpu
