// How backward is cut for the tensor cores, and when.
#include <algorithm>

#include "cuda/sm90/backward.h"
#include "cuda/sm90/tile.cuh"

namespace cce::cuda::sm90 {
namespace {

constexpr int64_t kDzBytes = int64_t{128} << 20;
constexpr int64_t kPassRows = 16384;
static_assert(kPassRows % kTileRows == 0 && kTileRows % kColumnSumRows == 0, "a pass begins at a tile of its own");
static_assert(kClusterClasses % BackwardPlan::kChunkStep == 0, "a chunk is made of tiles");

// As many whole tiles of classes as fit into the room for dz.
BackwardPlan plan(const Problem &p) {
    BackwardPlan plan;
    plan.pass = std::clamp<int64_t>(p.rows, 1, kPassRows);
    plan.passes = std::max<int64_t>(1, div_up(p.rows, plan.pass));
    plan.separate_dz = BackwardPlan::separates_dz(p);
    const int64_t room = kDzBytes / (plan.separate_dz ? 2 : 1) / (plan.pass * 2);
    const int64_t whole = std::max<int64_t>(1, room / kClusterClasses) * kClusterClasses;
    const int64_t all = div_up(p.spec.classes, BackwardPlan::kChunkStep) * BackwardPlan::kChunkStep;
    plan.chunk = std::min(whole, all);
    plan.embeddings = {1, plan.chunk};
    plan.classifier = {1, plan.pass};
    return plan;
}

bool is_aligned(const void *pointer) { return reinterpret_cast<uintptr_t>(pointer) % 16 == 0; }

// float16 has too few exponents for dz.
bool serves(const Problem &p, const cce_gradients *grad) {
    if (p.spec.dtype != CCE_BF16) return false;
    return grad == nullptr || (is_aligned(grad->embeddings) && is_aligned(grad->classifier));
}

}  // namespace

const BackwardKernels kBackward = {2, plan, serves, dz_block, embeddings_gradient, classifier_gradient};

}  // namespace cce::cuda::sm90
