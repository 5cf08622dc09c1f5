#include "cuda/backward/condensed.h"

#include <algorithm>

#include "cuda/backward/backward.h"
#include "cuda/backward/gradient_store.cuh"
#include "cuda/backward/row_moves.h"
#include "cuda/check.h"
#include "cuda/filtered/work.cuh"

namespace cce::cuda {
namespace {

constexpr int kListThreads = 1024;
constexpr int64_t kMostBlocks = 4096;
constexpr int kRowsAtOnce = kThreads / kWarp;  // a warp takes a row
constexpr int64_t kVector = sizeof(uint4);     // marks that are read at once
constexpr int64_t kMostTileClasses = 512;

// One thread block that lists all classes.
using ListTeam = filtered::WholeBlock<kListThreads>;

__global__ void __launch_bounds__(kListThreads)
list_live_classes_kernel(LiveClasses live, int64_t classes, int64_t tile, BackwardControl *control) {
    if (!control->marking) return;
    __shared__ filtered::OfTeamWarps<ListTeam> of_warp;
    const int64_t vectors = div_up(classes, kVector);
    const int64_t each = div_up(vectors, kListThreads);
    const int64_t begin = Minimum()(threadIdx.x * each, vectors);
    const int64_t end = Minimum()(begin + each, vectors);
    const auto *const marks = reinterpret_cast<const uint4 *>(live.marks);
    uint32_t own = 0;
    for (int64_t k = begin; k < end; ++k) {
        const uint4 four = marks[k];
        own += __popc(four.x) + __popc(four.y) + __popc(four.z) + __popc(four.w);
    }
    uint32_t count;
    const uint32_t before = filtered::scan_team(ListTeam(), of_warp, own, &count);
    if (count > live.most) return;
    // The first ones that are not live fill the last tile.
    const int64_t filling = (tile - count % tile) % tile;
    const RowMoves moves = {live.classes, count + filling, classes};
    int64_t dead = begin * kVector - before;
    int64_t place = before + Minimum()(dead, filling);
    for (int64_t k = begin; k < end; ++k) {
        const uint4 four = marks[k];
        if ((four.x | four.y | four.z | four.w) == 0 && dead >= filling) continue;
        for (int64_t j = k * kVector; j < Minimum()((k + 1) * kVector, classes); ++j) {
            if (live.marks[j] == 0 && dead++ >= filling) continue;
            live.marks[j] = 1;
            live.classes[place] = j;
            if (live.moves()) live.rows[place] = moves.source(place);
            ++place;
        }
    }
    if (threadIdx.x != 0) return;
    control->condensed = true;
    control->live_classes = count + filling;
    control->filter_embeddings = control->filter_classifier = 0.0f;
}

__global__ void __launch_bounds__(kThreads)
number_targets_kernel(LiveClasses live, RowGradient *rows, const BackwardControl *control) {
    const int64_t i = static_cast<int64_t>(blockIdx.x) * kThreads + threadIdx.x;
    if (!control->condensed || i >= control->valid) return;
    const int64_t target = rows[i].target;
    if (target < 0) return;
    rows[i].target = place_of(live.classes, control->live_classes, target);
}

__global__ void __launch_bounds__(kThreads)
clear_dead_classes_kernel(LiveClasses live, int64_t classes, GradientStore classifier, int64_t chunks,
                          GradientStore bias, const BackwardControl *control) {
    if (!control->condensed) return;
    for (int64_t j = int64_t{blockIdx.x} * kRowsAtOnce + threadIdx.x / kWarp; j < classes;
         j += int64_t{gridDim.x} * kRowsAtOnce) {
        if (live.marks[j] != 0) continue;
        const auto lane = static_cast<int32_t>(threadIdx.x) % kWarp;
        if (bias.array != nullptr && !bias.add && lane == 0) store(bias.array, bias.dtype, j, 0.0f);
        if (classifier.array == nullptr || classifier.add) continue;
        auto *const row = static_cast<uint4 *>(classifier.array) + j * chunks;
        for (int64_t k = lane; k < chunks; k += kWarp) __stcs(row + k, uint4{0, 0, 0, 0});
    }
}

__global__ void __launch_bounds__(kThreads)
gather_classes_kernel(Logits logits, LiveClasses live, int64_t first, int64_t count, GatheredClasses to,
                      const BackwardControl *control) {
    const int64_t own = int64_t{blockIdx.x} * kRowsAtOnce + threadIdx.x / kWarp;
    if (!control->condensed || own >= count || first + own >= control->live_classes) return;
    const int64_t j = live.classes[first + own];
    const int64_t chunks = logits.hidden / 8;
    const auto lane = static_cast<int32_t>(threadIdx.x) % kWarp;
    const auto *const from = static_cast<const uint4 *>(logits.classifier) + j * chunks;
    auto *const row = static_cast<uint4 *>(to.classifier) + own * chunks;
    for (int64_t k = lane; k < chunks; k += kWarp) row[k] = from[k];
    if (lane == 0) to.bias[own] = logits.map.bias_of(j);
}

int64_t most_live(const Problem &p) { return p.spec.classes / 4; }

int64_t gathered_bytes(const Problem &p, int64_t classes) {
    Carver carver(nullptr);
    GatheredClasses::at(p, classes, &carver);
    return carver.bytes();
}

int64_t scratch_bytes(const Problem &p, const BackwardKernels &kernels, const BackwardPlan &plan, int64_t classes) {
    Carver carver(nullptr);
    ChunkScratch::at(p, plan, classes, kernels.dz_bytes, &carver);
    return carver.bytes();
}

}  // namespace

int64_t LiveClasses::marks_bytes(const Problem &p) { return div_up(p.spec.classes, kVector) * kVector; }

LiveClasses LiveClasses::at(const Problem &p, Carver *carver) {
    LiveClasses live;
    live.most = most_live(p);
    live.marks = carver->take<uint8_t>(marks_bytes(p));
    live.classes = live.rows = carver->take<int64_t>(live.most + kMostTileClasses);
    return live;
}

LiveClasses LiveClasses::in(const Problem &p, void *memory, int64_t bytes) {
    const auto layout = [&](void *base, LiveClasses *live) {
        Carver carver(base);
        *live = at(p, &carver);
        live->rows = carver.take<int64_t>(live->most + kMostTileClasses);
        return carver.bytes();
    };
    LiveClasses live;
    if (layout(nullptr, &live) > bytes) return {};
    layout(memory, &live);
    return live;
}

GatheredClasses GatheredClasses::at(const Problem &p, int64_t classes, Carver *carver) {
    return {carver->take<char>(classes * p.spec.hidden * dtype_bytes(p.spec.dtype)),
            carver->take<float>(classes)};
}

CondensedRoom CondensedRoom::of_chunk(const Problem &p, const BackwardKernels &kernels) {
    const BackwardPlan plan = kernels.plan(p);
    return {scratch_bytes(p, kernels, plan, plan.chunk), plan.chunk};
}

// What label smoothing adds is there for all classes.
int64_t condensed_chunk(const Problem &p, const BackwardKernels &kernels, const CondensedRoom &room) {
    constexpr int64_t kLeastTiles = 4;
    if (kernels.mark_classes == nullptr || p.spec.label_smoothing > 0.0) return 0;
    const BackwardPlan plan = kernels.plan(p);
    if (p.spec.classes < kLeastTiles * plan.tile) return 0;
    const auto bytes = [&](int64_t classes) {
        return scratch_bytes(p, kernels, plan, classes) + gathered_bytes(p, classes);
    };
    int64_t tiles = std::min(room.most_classes, p.spec.classes) / plan.tile;
    while (tiles > 0 && bytes(tiles * plan.tile) > room.bytes) --tiles;
    // Positions so few, or rows so long, that what is gathered takes most of the room.
    if (tiles * plan.tile * 4 < plan.chunk) return 0;
    Problem live = p;
    live.spec.classes = most_live(p);
    return kernels.best_chunk(live, tiles * plan.tile);
}

int32_t list_live_classes(const Problem &p, const LiveClasses &live, int64_t tile, RowGradient *rows,
                          BackwardControl *control, cudaStream_t stream) {
    CCE_TRY(launch("listing live classes", list_live_classes_kernel, 1, kListThreads, stream, live, p.spec.classes,
                   tile, control));
    return launch("numbering targets", number_targets_kernel, div_up(p.rows, kThreads), kThreads, stream, live, rows,
                  control);
}

int32_t clear_dead_classes(const Problem &p, const LiveClasses &live, const GradientStore &classifier,
                           const GradientStore &bias, cudaStream_t stream) {
    const int64_t row_bytes = classifier.width * dtype_bytes(classifier.dtype);
    return launch("clearing gradients of other classes", clear_dead_classes_kernel,
                  std::min(div_up(p.spec.classes, kRowsAtOnce), kMostBlocks), kThreads, stream, live, p.spec.classes,
                  classifier, row_bytes / static_cast<int64_t>(sizeof(uint4)), bias, classifier.control);
}

int32_t gather_classes(const Logits &logits, const LiveClasses &live, int64_t first, int64_t count,
                       const GatheredClasses &to, const BackwardControl *control, cudaStream_t stream) {
    return launch("gathering live classes", gather_classes_kernel, div_up(count, kRowsAtOnce), kThreads, stream, logits,
                  live, first, count, to, control);
}

}  // namespace cce::cuda
