// How backward's problem is cut for the plain kernels.
#include <algorithm>

#include "cuda/plain/family.h"
#include "cuda/plain/tile.cuh"

namespace cce::cuda::plain {
namespace {

// Most rows of a pass and fewest tiles of a chunk: dz is at most 32768 x 512 floats, 64 MiB.
constexpr int64_t kPassRows = 32768;
constexpr int64_t kChunkTiles = 4;
static_assert(kTile % BackwardPlan::kChunkStep == 0, "whole tiles are legal chunks");

DepthSplits splits_of(int64_t lines, int64_t columns, int64_t depth) {
    return DepthSplits::of(div_up(lines, kTile) * div_up(columns, kTile), depth, kDepth, kBusyBlocks);
}

}  // namespace

BackwardPlan backward_plan(const Problem &p) {
    BackwardPlan plan;
    plan.tile = kTile;
    plan.pass = std::clamp<int64_t>(p.rows, 1, kPassRows);
    plan.passes = std::max<int64_t>(1, div_up(p.rows, plan.pass));
    const int64_t tiles = std::max(kChunkTiles, kBusyBlocks / div_up(plan.pass, kTile));
    plan.chunk = std::min(tiles, div_up(p.spec.classes, kTile)) * kTile;
    plan.separate_dz = BackwardPlan::separates_dz(p);
    plan.embeddings = splits_of(plan.pass, p.spec.hidden, plan.chunk);
    plan.classifier = splits_of(plan.chunk, p.spec.hidden, plan.pass);
    return plan;
}

}  // namespace cce::cuda::plain
