#include "cuda/plain/plan.h"

#include <algorithm>

#include "cuda/carver.h"
#include "cuda/plain/tile.cuh"

namespace cce::cuda::plain {
namespace {

// Thread blocks that keep a large GPU busy, two on each of its multiprocessors.
constexpr int64_t kBusyBlocks = 256;

// Most rows of a pass and fewest tiles of a chunk: dz is at most 32768 x 512 floats, 64 MiB.
constexpr int64_t kPassRows = 32768;
constexpr int64_t kChunkTiles = 4;
static_assert(kPassRows % kColumnSumRows == 0, "column sums of a pass begin at a group of their own");

// Depth below which splitting a product costs more than it gains.
constexpr int64_t kLeastDepth = 256;

// Floats of the partial results of a product that is split.
int64_t partial_count(const DepthSplits &splits, int64_t lines, int64_t columns) {
    return splits.count > 1 ? splits.count * lines * columns : 0;
}

}  // namespace

VocabularySplits VocabularySplits::of(const Problem &p) {
    const int64_t tiles = div_up(p.spec.classes, kTile);
    const int64_t row_blocks = std::max<int64_t>(1, div_up(p.rows, kTile));
    const int64_t wanted = std::clamp<int64_t>(kBusyBlocks / row_blocks, 1, tiles);
    const int64_t tiles_each = div_up(tiles, wanted);
    return {div_up(tiles, tiles_each), tiles_each};
}

DepthSplits DepthSplits::of(int64_t lines, int64_t columns, int64_t depth) {
    const int64_t tiles = div_up(lines, kTile) * div_up(columns, kTile);
    const int64_t most = std::max<int64_t>(1, depth / kLeastDepth);
    const int64_t wanted = std::clamp<int64_t>(kBusyBlocks / tiles, 1, most);
    const int64_t depth_each = div_up(div_up(depth, wanted), kDepth) * kDepth;
    return {div_up(depth, depth_each), depth_each};
}

BackwardPlan BackwardPlan::of(const Problem &p) {
    BackwardPlan plan;
    plan.pass = std::clamp<int64_t>(p.rows, 1, kPassRows);
    plan.passes = std::max<int64_t>(1, div_up(p.rows, plan.pass));
    const int64_t tiles = std::max(kChunkTiles, kBusyBlocks / div_up(plan.pass, kTile));
    plan.chunk = std::min(tiles, div_up(p.spec.classes, kTile)) * kTile;
    const int32_t both = CCE_GRADIENT_EMBEDDINGS | CCE_GRADIENT_CLASSIFIER;
    const int32_t bias_too = CCE_GRADIENT_EMBEDDINGS | CCE_GRADIENT_BIAS;
    plan.separate_dz = p.spec.filter_embeddings != p.spec.filter_classifier &&
                       ((p.spec.gradients & both) == both || (p.spec.gradients & bias_too) == bias_too);
    plan.embeddings = DepthSplits::of(plan.pass, p.spec.hidden, plan.chunk);
    plan.classifier = DepthSplits::of(plan.chunk, p.spec.hidden, plan.pass);
    return plan;
}

BackwardScratch BackwardScratch::at(const Problem &p, const BackwardPlan &plan, void *base) {
    const bool embeddings = p.spec.gradients & CCE_GRADIENT_EMBEDDINGS;
    const bool classifier = p.spec.gradients & CCE_GRADIENT_CLASSIFIER;
    const bool bias = p.spec.gradients & CCE_GRADIENT_BIAS;
    const bool filtered = p.spec.filter_embeddings > 0.0 || p.spec.filter_classifier > 0.0;
    const int64_t hidden = p.spec.hidden;
    const int64_t of_embeddings = embeddings ? partial_count(plan.embeddings, plan.pass, hidden) : 0;
    const int64_t of_classifier = classifier ? partial_count(plan.classifier, plan.chunk, hidden) : 0;
    Carver carver(base);
    BackwardScratch scratch;
    scratch.control = carver.take<BackwardControl>(1);
    scratch.tokens = carver.take<int64_t>(p.rows);
    scratch.dropped = carver.take<float>(filtered ? 2 * VocabularySplits::of(p).count * p.rows : 0);
    scratch.dz[0] = carver.take<float>(p.spec.gradients ? plan.pass * plan.chunk : 0);
    scratch.dz[1] = carver.take<float>(plan.separate_dz ? plan.pass * plan.chunk : 0);
    scratch.partials = carver.take<float>(std::max(of_embeddings, of_classifier));
    scratch.embeddings = carver.take<float>(embeddings && p.spec.dtype != CCE_F32 ? p.rows * hidden : 0);
    scratch.classifier = carver.take<float>(classifier && plan.passes > 1 ? plan.chunk * hidden : 0);
    scratch.column_sums = carver.take<double>(bias ? div_up(p.rows, kColumnSumRows) * plan.chunk : 0);
    scratch.bytes = carver.bytes();
    return scratch;
}

}  // namespace cce::cuda::plain
