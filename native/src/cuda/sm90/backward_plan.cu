// How backward is cut for the tensor cores, and when.
#include <algorithm>

#include "cuda/device.h"
#include "cuda/sm90/backward.h"
#include "cuda/sm90/tile.cuh"

namespace cce::cuda::sm90 {
namespace {

constexpr int64_t kPassRows = 16384;
static_assert(kPassRows % kTileRows == 0, "a pass begins at a tile of its own");
static_assert(kTileClasses % BackwardPlan::kChunkStep == 0, "a chunk is made of tiles");

// Steps of the ring that the busiest thread block takes for a pass over all classes in chunks of so many, and what the
// launches of a chunk cost, in the same unit.
int64_t most_steps(const Problem &p, int64_t rows, int64_t chunk) {
    constexpr int64_t kLaunchSteps = 40;
    const int64_t blocks = traits_of(p.spec.device).multiprocessors;
    const int64_t row_tiles = div_up(rows, kTileRows);
    const int64_t across = div_up(p.spec.hidden, kTileClasses);
    const auto of_chunk = [&](int64_t classes) {
        const int64_t dz = div_up(row_tiles * div_up(classes, kTileClasses), blocks) * div_up(p.spec.hidden, kStep);
        const int64_t embeddings = div_up(row_tiles * across, blocks) * div_up(classes, kStep);
        const int64_t classifier = div_up(div_up(classes, kTileRows) * across, blocks) * div_up(rows, kStep);
        return dz + embeddings + classifier + kLaunchSteps;
    };
    const int64_t rest = p.spec.classes % chunk;
    return p.spec.classes / chunk * of_chunk(chunk) + (rest > 0 ? of_chunk(rest) : 0);
}

int64_t pass_of(const Problem &p) { return std::clamp<int64_t>(p.rows, 1, kPassRows); }

// Of more than half of what there is room for.
int64_t best_chunk(const Problem &p, int64_t room) {
    const int64_t rows = pass_of(p);
    const int64_t most_tiles = std::max<int64_t>(1, room / kTileClasses);
    int64_t best = most_tiles * kTileClasses;
    if (best >= p.spec.classes) return best;
    int64_t least = most_steps(p, rows, best);
    for (int64_t tiles = most_tiles - 1; tiles > most_tiles / 2; --tiles) {
        const int64_t steps = most_steps(p, rows, tiles * kTileClasses);
        if (steps >= least) continue;
        least = steps;
        best = tiles * kTileClasses;
    }
    return best;
}

BackwardPlan plan(const Problem &p) {
    BackwardPlan plan;
    plan.tile = kTileClasses;
    plan.pass = pass_of(p);
    plan.passes = std::max<int64_t>(1, div_up(p.rows, plan.pass));
    plan.separate_dz = BackwardPlan::separates_dz(p);
    const int64_t room = BackwardPlan::most_dz_bytes(p) / (plan.separate_dz ? 2 : 1) / (plan.pass * 2);
    const int64_t all = div_up(p.spec.classes, BackwardPlan::kChunkStep) * BackwardPlan::kChunkStep;
    plan.chunk = std::min(best_chunk(p, room), all);
    plan.embeddings = {1, plan.chunk};
    plan.classifier = {1, plan.pass};
    return plan;
}

bool is_aligned(const void *pointer) { return reinterpret_cast<uintptr_t>(pointer) % 16 == 0; }

bool serves(const Problem &, const cce_gradients *grad) {
    return grad == nullptr || (is_aligned(grad->embeddings) && is_aligned(grad->classifier));
}

}  // namespace

// The rows of E of a panel leave room in the L2 cache for the classes that pass through.
Schedule schedule_of_rows(const Problem &p, int64_t rows) {
    const DeviceTraits &device = traits_of(p.spec.device);
    const int64_t most_tiles = device.l2_bytes * int64_t{4} / 5 / (kTileRows * p.spec.hidden * 2);
    return Schedule::of(p, kTileRows, kTileClasses, device.multiprocessors, device.multiprocessors)
        .in_equal_panels(rows, most_tiles);
}

const BackwardKernels kBackward = {
    2, {kTileRows, kTileClasses, true}, plan, serves, dz_block, embeddings_gradient, classifier_gradient, kept_mass,
    mark_classes, best_chunk,
};

}  // namespace cce::cuda::sm90
