// How many terms each class has and where they begin, and which classes are frequent enough for a product of their own.
// A thread block a tile, a thread a class. All sums are of integers: their order shows nowhere.
#include "cuda/check.h"
#include "cuda/device.h"
#include "cuda/filtered/frequent_products.cuh"
#include "cuda/filtered/kernels.h"

namespace cce::cuda::filtered {
namespace {

using TileTeam = WholeBlock<kTileClasses>;

__constant__ int32_t kBarShares[kBars] = {6, 8, 10, 13, 16, 20, 25, 31, 39, 49, 61, 76};

// Entries that a class needs: of 1024 positions so many.
__device__ uint32_t entries_at(int bar, int64_t valid) {
    constexpr int64_t kLeast = 8;
    return static_cast<uint32_t>(Maximum()((valid * kBarShares[bar] + 1023) / 1024, kLeast));
}

__device__ uint32_t parts_of(uint32_t terms) { return (terms + kPartTerms - 1) / kPartTerms; }

// In the first lane of a group, of all of it.
__device__ uint32_t parts_of_group(uint32_t count) {
    const uint32_t parts = parts_of(reduce_lanes<kGroupClasses>(count, Sum()));
    return threadIdx.x % kGroupClasses == 0 ? parts : 0;
}

// Counts go to class_begin, where what they sum up to takes their place.
__global__ void __launch_bounds__(kTileClasses) count_classes_kernel(const __grid_constant__ Work work) {
    if (!work.sums_lists()) return;
    __shared__ TileCounts tile_counts;
    __shared__ uint32_t frequent_entries[kBars];
    const Lists &lists = work.lists;
    const auto tile = static_cast<int32_t>(blockIdx.x);
    const auto c = static_cast<int32_t>(threadIdx.x);
    const int32_t j = tile * kTileClasses + c;
    if (c == 0) tile_counts = {};
    if (c < kBars) frequent_entries[c] = 0;
    __syncthreads();
    const uint32_t end = lists.tile_unit[tile + 1];
    uint32_t count = 0;
#pragma unroll 8
    for (uint32_t unit = lists.tile_unit[tile]; unit < end; ++unit)
        count += lists.units[unit].classes[c + 1] - lists.units[unit].classes[c];
    if (j < work.classes()) work.terms.class_begin[j] = count;
    // Adds up over the warp, then over the block.
    const auto add = [](uint32_t *sum, uint32_t value) {
        const uint32_t of_warp = reduce_lanes(value, Sum());
        if (lane_of() == 0 && of_warp > 0) atomicAdd(sum, of_warp);
    };
    add(&tile_counts.terms, count);
    add(&tile_counts.parts, parts_of_group(count));
#pragma unroll
    for (int bar = 0; bar < kBars; ++bar) {
        const bool clears = count >= entries_at(bar, work.control->valid);
        add(&tile_counts.frequent[bar], clears);
        add(&frequent_entries[bar], clears ? count : 0);
    }
    __syncthreads();
    if (c == 0) work.terms.of_tile[tile] = tile_counts;
    if (c >= kBars || tile_counts.frequent[c] == 0) return;
    atomicAdd(&lists.counters->frequent[c], tile_counts.frequent[c]);
    atomicAdd(&lists.counters->frequent_entries[c], static_cast<unsigned long long>(frequent_entries[c]));
}

// How long something takes, in steps of a product: 64 of what is summed over for a tile of results on each
// multiprocessor, about a microsecond.
constexpr int64_t kStepBytes = 6500000;  // that sums read meanwhile
constexpr int64_t kStoreSteps = 6;       // to store a tile of dE's sums, and to read it later
constexpr int64_t kPartialSteps = 8;     // to store parts of dC's sums, and to add them
constexpr int64_t kPrepareSteps = 12;

__device__ int64_t steps_of_sums(const Work &work, int64_t entries) {
    const int64_t gradients = work.wants_rows() + (work.classifier.array != nullptr);
    constexpr int64_t kElementBytes = 2;
    return entries * gradients * work.logits.hidden * kElementBytes / kStepBytes;
}

__device__ int64_t steps_of_products(const Work &work, int64_t classes, int64_t multiprocessors) {
    const int64_t valid = work.control->valid;
    int64_t steps = kPrepareSteps;
    if (work.classifier.array != nullptr) {
        const int64_t splits = frequent_splits(work, classes);
        steps += div_up(product_tiles(work, classes) * splits, multiprocessors) *
                 div_up(whole_steps(valid), splits);
        if (splits > 1) steps += kPartialSteps;
    }
    if (work.wants_rows())
        steps += div_up(product_tiles(work, valid), multiprocessors) * (whole_steps(classes) + kStoreSteps);
    return steps;
}

// The bar with which products save most; kBars if they save nothing. The whole block must call it.
__device__ int choose_bar(const Work &work, int64_t multiprocessors) {
    __shared__ int64_t saved[kBars];
    const Counters &counters = *work.lists.counters;
    if (threadIdx.x < kBars) {
        const int64_t classes = counters.frequent[threadIdx.x];
        const auto entries = static_cast<int64_t>(counters.frequent_entries[threadIdx.x]);
        const bool fits = classes <= work.frequent.most;
        saved[threadIdx.x] =
            fits ? steps_of_sums(work, entries) - steps_of_products(work, classes, multiprocessors) : 0;
    }
    __syncthreads();
    int best = kBars;
    int64_t most = 0;
    for (int bar = 0; bar < kBars; ++bar)
        if (saved[bar] > most) {
            best = bar;
            most = saved[bar];
        }
    return best;
}

// Of all tiles before this one. The whole block must call it.
template <typename CountOf>
__device__ uint32_t sum_before(int32_t tile, CountOf count_of) {
    uint32_t sum = 0;
    for (int32_t other = threadIdx.x; other < tile; other += kTileClasses) sum += count_of(other);
    return reduce_block(sum, Sum());
}

__global__ void __launch_bounds__(kTileClasses)
number_classes_kernel(const __grid_constant__ Work work, BackwardControl *control, int64_t multiprocessors) {
    if (!work.sums_lists()) return;
    __shared__ OfTeamWarps<TileTeam> of_warp;
    const TileTeam team;
    const ListedTerms &terms = work.terms;
    const Frequent &frequent = work.frequent;
    const auto tile = static_cast<int32_t>(blockIdx.x);
    const int32_t j = tile * kTileClasses + static_cast<int32_t>(threadIdx.x);
    const bool exists = j < work.classes();
    const uint32_t count = exists ? terms.class_begin[j] : 0;
    const int bar = frequent.most > 0 ? choose_bar(work, multiprocessors) : kBars;
    uint32_t total;
    const uint32_t begin = sum_before(tile, [&](int32_t other) { return terms.of_tile[other].terms; }) +
                           scan_team(team, of_warp, count, &total);
    if (exists) terms.class_begin[j] = begin;
    const uint32_t parts = parts_of_group(count);
    const uint32_t part = sum_before(tile, [&](int32_t other) { return terms.of_tile[other].parts; }) +
                          scan_team(team, of_warp, parts, &total);
    if (exists && j % kGroupClasses == 0) terms.group_part[j / kGroupClasses] = part;
    if (j == work.classes() - 1) {
        terms.class_begin[j + 1] = begin + count;
        terms.group_part[j / kGroupClasses + 1] = part + parts;
    }
    if (frequent.most == 0) return;
    const bool is_frequent = bar < kBars && count >= entries_at(bar, control->valid);
    const uint32_t place =
        bar == kBars ? 0
                     : sum_before(tile, [&](int32_t other) { return terms.of_tile[other].frequent[bar]; }) +
                           scan_team(team, of_warp, is_frequent, &total);
    if (exists) frequent.places[j] = is_frequent ? static_cast<uint16_t>(place) : Frequent::kNone;
    if (is_frequent) frequent.classes[place] = j;
    if (tile == 0 && threadIdx.x == 0 && bar < kBars) control->frequent_classes = work.lists.counters->frequent[bar];
}

}  // namespace

int32_t count_classes(const Work &work, cudaStream_t stream) {
    return launch("counting the terms of classes", count_classes_kernel, work.lists.tiles, kTileClasses, stream, work);
}

int32_t number_classes(const Problem &p, const Work &work, BackwardControl *control, cudaStream_t stream) {
    return launch("choosing the frequent classes", number_classes_kernel, work.lists.tiles, kTileClasses, stream, work,
                  control, int64_t{traits_of(p.spec.device).multiprocessors});
}

}  // namespace cce::cuda::filtered
