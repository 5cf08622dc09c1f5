#include "cuda/backward/plan.h"

#include <algorithm>

#include "cuda/carver.h"
#include "cuda/plain/dropped_mass.h"

namespace cce::cuda {
namespace {

// Depth below which splitting a product costs more than it gains.
constexpr int64_t kLeastDepth = 256;

// Floats of the partial results of a product that is split.
int64_t partial_count(const DepthSplits &splits, int64_t lines, int64_t columns) {
    return splits.count > 1 ? splits.count * lines * columns : 0;
}

}  // namespace

DepthSplits DepthSplits::of(int64_t tiles, int64_t depth, int64_t step, int64_t blocks) {
    const int64_t most = std::max<int64_t>(1, depth / kLeastDepth);
    const int64_t wanted = std::clamp<int64_t>(blocks / tiles, 1, most);
    const int64_t depth_each = div_up(div_up(depth, wanted), step) * step;
    return {div_up(depth, depth_each), depth_each};
}

bool BackwardPlan::separates_dz(const Problem &p) {
    const int32_t both = CCE_GRADIENT_EMBEDDINGS | CCE_GRADIENT_CLASSIFIER;
    const int32_t bias_too = CCE_GRADIENT_EMBEDDINGS | CCE_GRADIENT_BIAS;
    return p.spec.filter_embeddings != p.spec.filter_classifier &&
           ((p.spec.gradients & both) == both || (p.spec.gradients & bias_too) == bias_too);
}

BackwardScratch BackwardScratch::at(const Problem &p, const BackwardPlan &plan, int32_t dz_bytes, void *base) {
    const bool embeddings = p.spec.gradients & CCE_GRADIENT_EMBEDDINGS;
    const bool classifier = p.spec.gradients & CCE_GRADIENT_CLASSIFIER;
    const bool bias = p.spec.gradients & CCE_GRADIENT_BIAS;
    const bool filtered = p.spec.filter_embeddings > 0.0 || p.spec.filter_classifier > 0.0;
    const int64_t hidden = p.spec.hidden;
    const int64_t of_embeddings = embeddings ? partial_count(plan.embeddings, plan.pass, hidden) : 0;
    const int64_t of_classifier = classifier ? partial_count(plan.classifier, plan.chunk, hidden) : 0;
    const int64_t dz = plan.pass * plan.chunk * dz_bytes;
    Carver carver(base);
    BackwardScratch scratch = {};
    scratch.control = carver.take<BackwardControl>(1);
    scratch.tokens = carver.take<int64_t>(p.rows);
    scratch.rows = carver.take<RowGradient>(p.rows);
    if (filtered::applies(p)) {
        scratch.lists = filtered::Scratch::at(p, &carver);
        scratch.bytes = carver.bytes();
        if (!(p.spec.max_dropped_mass > 0.0)) return scratch;
    }
    scratch.dropped = carver.take<float>(filtered ? 2 * plain::VocabularySplits::of(p).count * p.rows : 0);
    scratch.dz[0] = carver.take<char>(p.spec.gradients ? dz : 0);
    scratch.dz[1] = carver.take<char>(plan.separate_dz ? dz : 0);
    scratch.partials = carver.take<float>(std::max(of_embeddings, of_classifier));
    scratch.embeddings = carver.take<float>(embeddings && p.spec.dtype != CCE_F32 ? p.rows * hidden : 0);
    scratch.classifier = carver.take<float>(classifier && plan.passes > 1 ? plan.chunk * hidden : 0);
    scratch.column_sums = carver.take<double>(bias ? div_up(p.rows, kColumnSumRows) * plan.chunk : 0);
    scratch.bytes = carver.bytes();
    return scratch;
}

}  // namespace cce::cuda
