// Where the lists are too short, the work is left to dense products, perhaps of a few classes alone.
#include "cuda/check.h"
#include "cuda/filtered/kernels.h"

namespace cce::cuda::filtered {
namespace {

// Before anything is listed, only the number of units can be too large.
__global__ void leave_lists_kernel(Lists lists, BackwardControl *control) {
    if (lists.hold_everything())
        control->unmeasured = false;
    else
        control->dense = true;
}

// The marks may lie where the lists are still read unless control->dense is set.
__global__ void __launch_bounds__(kBlockThreads)
try_condensing_kernel(Work work, uint4 *marks, int64_t vectors, BackwardControl *control) {
    constexpr double kMostLive = 0.5;  // of all logits, counted in whole pairs of units
    if (!control->dense) return;
    const int64_t thread = int64_t{blockIdx.x} * kBlockThreads + threadIdx.x;
    if (thread < vectors) marks[thread] = uint4{0, 0, 0, 0};
    if (thread != 0) return;
    const bool filters = (!work.wants_rows() || control->filter_embeddings > 0.0f) &&
                         (!work.wants_classes() || control->filter_classifier > 0.0f);
    const double live = 2.0 * kUnitRows * kTileClasses * work.lists.tile_pair[work.lists.tiles];
    const double all = static_cast<double>(control->valid) * static_cast<double>(work.logits.classes);
    control->marking = filters && live <= kMostLive * all;
}

}  // namespace

int32_t try_condensing(const Work &work, uint8_t *marks, int64_t bytes, BackwardControl *control, cudaStream_t stream) {
    const int64_t vectors = bytes / static_cast<int64_t>(sizeof(uint4));
    return launch("choosing the classes of dense products", try_condensing_kernel, div_up(vectors, kBlockThreads),
                  kBlockThreads, stream, work, reinterpret_cast<uint4 *>(marks), vectors, control);
}

int32_t leave_lists(const Work &work, BackwardControl *control, cudaStream_t stream) {
    return launch("choosing between lists and dense products", leave_lists_kernel, 1, 1, stream, work.lists, control);
}

}  // namespace cce::cuda::filtered
