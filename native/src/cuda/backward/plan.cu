#include "cuda/backward/plan.h"

#include <algorithm>

#include "cuda/backward/backward.h"
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

// Whoever allows gigabytes for kept logits can spare an eighth of that.
int64_t BackwardPlan::most_dz_bytes(const Problem &p) {
    constexpr int64_t kBytes = int64_t{128} << 20;
    const int64_t kept = State::kept_classes(p) * p.rows * static_cast<int64_t>(sizeof(uint16_t));
    return std::max(kBytes, kept / 8);
}

ChunkScratch ChunkScratch::at(const Problem &p, const BackwardPlan &plan, int64_t pitch, int32_t dz_bytes,
                              Carver *carver) {
    const int64_t dz = plan.pass * pitch * dz_bytes;
    const bool sums = (p.spec.gradients & CCE_GRADIENT_CLASSIFIER) && plan.passes > 1;
    const bool biases = (p.spec.gradients & CCE_GRADIENT_BIAS) && plan.passes > 1;
    ChunkScratch scratch;
    scratch.dz[0] = carver->take<char>(p.spec.gradients ? dz : 0);
    scratch.dz[1] = carver->take<char>(plan.separate_dz ? dz : 0);
    scratch.classifier = carver->take<float>(sums ? pitch * p.spec.hidden : 0);
    scratch.biases = carver->take<double>(biases ? pitch : 0);
    return scratch;
}

DenseScratch DenseScratch::at(const Problem &p, const BackwardPlan &plan, int32_t dz_bytes, Carver *carver) {
    const bool embeddings = p.spec.gradients & CCE_GRADIENT_EMBEDDINGS;
    const bool classifier = p.spec.gradients & CCE_GRADIENT_CLASSIFIER;
    const int64_t hidden = p.spec.hidden;
    const int64_t of_embeddings = embeddings ? partial_count(plan.embeddings, plan.pass, hidden) : 0;
    const int64_t of_classifier = classifier ? partial_count(plan.classifier, plan.chunk, hidden) : 0;
    DenseScratch scratch;
    scratch.partials = carver->take<float>(std::max(of_embeddings, of_classifier));
    scratch.embeddings = carver->take<float>(embeddings && p.spec.dtype != CCE_F32 ? p.rows * hidden : 0);
    scratch.chunk = ChunkScratch::at(p, plan, plan.chunk, dz_bytes, carver);
    return scratch;
}

bool has_dense_scratch(const Problem &p, const BackwardKernels &kernels) {
    constexpr double kMuchLarger = 3.5;
    if (p.spec.max_dropped_mass > 0.0) return true;
    if (!kernels.are_fast()) return false;
    if (!(p.spec.gradients & CCE_GRADIENT_CLASSIFIER)) return true;
    Carver carver(nullptr);
    DenseScratch::at(p, kernels.plan(p), kernels.dz_bytes, &carver);
    const int64_t classifier = p.spec.classes * p.spec.hidden * dtype_bytes(p.spec.dtype);
    return static_cast<double>(classifier) < kMuchLarger * static_cast<double>(carver.bytes());
}

BackwardScratch BackwardScratch::at(const Problem &p, const BackwardKernels &kernels, void *base) {
    const bool filtered = p.spec.filter_embeddings > 0.0 || p.spec.filter_classifier > 0.0;
    const bool by_lists = filtered::applies(p);
    const bool drops = filtered && !by_lists && kernels.kept_mass == nullptr;
    Carver carver(base);
    BackwardScratch scratch = {};
    scratch.control = carver.take<BackwardControl>(1);
    scratch.tokens = carver.take<int64_t>(p.rows);
    scratch.rows = carver.take<RowGradient>(p.rows);
    scratch.kept = carver.take<KeptMass>(filtered ? 2 * p.rows : 0);
    if (by_lists) scratch.lists = filtered::Scratch::at(p, &carver);
    scratch.lists_end = carver.bytes();
    const bool has_dense = !by_lists || has_dense_scratch(p, kernels);
    if (by_lists && has_dense && condensed_chunk(p, kernels, CondensedRoom::of_chunk(p, kernels)) > 0)
        scratch.live = LiveClasses::at(p, &carver);
    if (by_lists && !has_dense)
        scratch.live = LiveClasses::in(p, scratch.lists.entries(), scratch.lists.entry_bytes);
    scratch.dropped = carver.take<float>(drops ? 2 * plain::VocabularySplits::of(p).count * p.rows : 0);
    if (!has_dense) {
        scratch.bytes = carver.bytes();
        return scratch;
    }
    const BackwardPlan plan = kernels.plan(p);
    scratch.dense = DenseScratch::at(p, plan, kernels.dz_bytes, &carver);
    if (by_lists) {
        const int64_t chunk_bytes = CondensedRoom::of_chunk(p, kernels).bytes;
        Carver chunk(base == nullptr ? nullptr : static_cast<char *>(base) + carver.bytes() - chunk_bytes);
        scratch.terms = filtered::ListedTerms::at(p, scratch.lists.lists, &chunk);
        if (kernels.are_fast())
            scratch.frequent = filtered::Frequent::at(p, kernels.tile, plan.separate_dz,
                                                      scratch.dense.embeddings, chunk_bytes - chunk.bytes(), &chunk);
        carver.take<char>(std::max<int64_t>(0, chunk.bytes() - chunk_bytes));
    }
    scratch.bytes = carver.bytes();
    return scratch;
}

}  // namespace cce::cuda
