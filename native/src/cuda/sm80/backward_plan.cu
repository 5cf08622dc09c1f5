// How backward is cut for mma.sync, and when.
#include <algorithm>

#include "cuda/sm80/backward.h"
#include "cuda/sm80/epilogue.cuh"
#include "cuda/sm80/product.cuh"

namespace cce::cuda::sm80 {
namespace {

constexpr int64_t kPassRows = 16384;
static_assert(kClassTile % BackwardPlan::kChunkStep == 0, "a chunk is made of tiles");

BackwardPlan plan(const Problem &p) {
    BackwardPlan plan;
    plan.tile = kClassTile;
    plan.pass = std::clamp<int64_t>(p.rows, 1, kPassRows);
    plan.passes = std::max<int64_t>(1, div_up(p.rows, plan.pass));
    plan.separate_dz = BackwardPlan::separates_dz(p);
    const int64_t tiles = BackwardPlan::most_dz_bytes(p) / (plan.separate_dz ? 2 : 1) / (plan.pass * 2) / kClassTile;
    const int64_t all = div_up(p.spec.classes, BackwardPlan::kChunkStep) * BackwardPlan::kChunkStep;
    plan.chunk = std::min(std::max<int64_t>(1, tiles) * kClassTile, all);
    plan.embeddings = {1, plan.chunk};
    plan.classifier = {1, plan.pass};
    return plan;
}

bool is_aligned(const void *pointer) { return reinterpret_cast<uintptr_t>(pointer) % 16 == 0; }

bool serves(const Problem &p, const cce_gradients *grad) {
    if (p.spec.dtype == CCE_F32 || p.spec.classes > INT32_MAX - kClassTile) return false;
    return grad == nullptr || (is_aligned(grad->embeddings) && is_aligned(grad->classifier));
}

}  // namespace

const BackwardKernels kBackward = {
    2, {kLineTile, kColumnTile, false}, plan, serves, dz_block, embeddings_gradient, classifier_gradient,
    nullptr, nullptr, nullptr,
};

}  // namespace cce::cuda::sm80
