// Lists what the filters keep where forward has left all candidates (forward/candidates.cuh): no logits are computed
// again then. A unit's candidates lie in the ranges of the blocks that its positions are in; which of them are kept is
// marked, then stored in the unit's two orders, so the order of the candidates shows nowhere. Reads 10 bytes a pair of
// candidates twice, and waits for memory more than it reads.
#include "cuda/check.h"
#include "cuda/device.h"
#include "cuda/filtered/kernels.h"
#include "cuda/filtered/listing.cuh"

namespace cce::cuda::filtered {
namespace {

constexpr int kBlocksAtOnce = 4;  // of a multiprocessor
constexpr int kRanges = kBlockThreads;

static_assert(kCandidateBlockRows == kBlockRows && kCandidateTileClasses == kTileClasses);

struct CandidatesShared {
    UnitInputs unit;
    KeptUnit<BlockTeam> kept;
    // Of ranges that are read together.
    uint32_t first[kRanges];
    uint32_t before[kRanges + 1];  // candidates of the ranges before one
    OfTeamWarps<BlockTeam> of_warp;
};

struct UnitRank {
    int32_t tile;
    uint32_t first;  // rank of its first position
    uint32_t count;  // of positions
};

// Reads some ranges, from number `first` up to `end`, counted over the blocks of the tile. Returns how many candidates
// they have. The whole block must call it.
__device__ uint32_t open_ranges(CandidatesShared &shared, const Work &work, int32_t tile, int32_t first, int32_t end) {
    const BlockTeam team;
    const int32_t own = first + team.thread();
    const CandidateRange range =
        own < end ? work.candidates.range(tile, own / kCandidateWarps, own % kCandidateWarps) : CandidateRange{};
    uint32_t total;
    const uint32_t before = scan_team(team, shared.of_warp, range.count, &total);
    shared.first[team.thread()] = range.first;
    shared.before[team.thread()] = before;
    if (team.thread() == 0) shared.before[kRanges] = total;
    team.sync();
    return total;
}

// The last range that begins at candidate `k` or before it, which thus has it.
__device__ int32_t range_of(const CandidatesShared &shared, uint32_t k) {
    int32_t range = 0;
#pragma unroll
    for (int32_t step = kRanges / 2; step > 0; step /= 2)
        if (shared.before[range + step] <= k) range += step;
    return range;
}

// f(position, slot, class of the tile, pair) for the unit's pairs of candidates, of which a class may be one that does
// not exist. The whole block must call it.
template <typename F>
__device__ void for_each_candidate(CandidatesShared &shared, const Work &work, const UnitRank &rank, F f) {
    const Candidates &candidates = work.candidates;
    const int32_t first_range = shared.unit.positions[0] / kBlockRows * kCandidateWarps;
    const int32_t end_range = (shared.unit.positions[rank.count - 1] / kBlockRows + 1) * kCandidateWarps;
    for (int32_t first = first_range; first < end_range; first += kRanges) {
        const uint32_t count = open_ranges(shared, work, rank.tile, first, end_range);
        for (uint32_t k = threadIdx.x; k < count; k += kBlockThreads) {
            const int32_t range = range_of(shared, k);
            const uint32_t at = shared.first[range] + k - shared.before[range];
            const CandidatePlace place = CandidatePlace::decode(candidates.places[at]);
            const int32_t block = (first + range) / kCandidateWarps;
            const int64_t in_tile = static_cast<int64_t>(rank.tile) * work.lists.blocks + block;
            uint32_t in_block;
            if (!is_live(work.lists.live[in_tile], place.row, &in_block)) continue;
            const uint32_t slot = work.lists.rank[in_tile] + in_block - rank.first;  // below `first` it wraps around
            if (slot < kUnitRows)
                f(block * kBlockRows + place.row, static_cast<int32_t>(slot), place.first_class, candidates.pairs[at]);
        }
        __syncthreads();  // the next ones come into the same place
    }
}

// Which of a pair's logits are kept, one bit each, and by which of the two filters how much.
struct KeptPair {
    uint32_t bits;
    float mass[2];
};

__device__ KeptPair keep(const Work &work, const UnitInputs &unit, int32_t slot, int32_t first_class,
                         const CandidatePair &pair) {
    const float threshold = work.least_threshold();
    const float thresholds[2] = {work.control->filter_embeddings, work.control->filter_classifier};
    KeptPair kept = {};
#pragma unroll
    for (int v = 0; v < 2; ++v) {
        const int32_t c = first_class + v;
        if (unit.tile * kTileClasses + c >= work.classes()) continue;
        const float p = probability(pair.logits[v], unit.lse[slot]);
        const bool is_target = c == unit.target[slot];
        if (!is_target && p < threshold) continue;
        kept.bits |= 1u << v;
#pragma unroll
        for (int filter = 0; filter < 2; ++filter)
            if (is_target || !(p < thresholds[filter])) kept.mass[filter] += p;
    }
    return kept;
}

// The unit's positions, with what the filters need of them. The whole block must call it.
__device__ UnitRank begin_unit(CandidatesShared &shared, const Work &work, const Window &all, uint32_t number,
                               int32_t tile) {
    const BlockTeam team;
    UnitRank rank;
    rank.tile = find_tile(work.lists.tile_unit, tile, all.end_tile(), number);
    rank.first = (number - work.lists.tile_unit[rank.tile]) * kUnitRows;
    rank.count = Minimum()(work.lists.tile_rows[rank.tile] - rank.first, static_cast<uint32_t>(kUnitRows));
    shared.kept.clear(team);
    begin_units<1>(team, &shared.unit, work, all, rank.tile, rank.first);
    complete_units<1>(team, &shared.unit, work, rank.tile, [](int, int64_t) {});
    return rank;
}

__global__ void __launch_bounds__(kBlockThreads, kBlocksAtOnce) candidates_kernel(const __grid_constant__ Work work) {
    if (work.control->dense || !work.candidates.hold_everything()) return;
    __shared__ CandidatesShared shared;
    const BlockTeam team;
    const Lists &lists = work.lists;
    const Window all = window_of_all(work);
    const uint32_t units = lists.counters->units;
    int32_t tile = 0;
    for (uint32_t number = blockIdx.x; number < units; number += gridDim.x) {
        const UnitRank rank = begin_unit(shared, work, all, number, tile);
        tile = rank.tile;
        for_each_candidate(shared, work, rank, [&](int32_t i, int32_t slot, int32_t c, const CandidatePair &pair) {
            const KeptPair kept = keep(work, shared.unit, slot, c, pair);
#pragma unroll
            for (int v = 0; v < 2; ++v)
                if (kept.bits >> v & 1) {
                    shared.kept.by_row.mark(slot, c + v);
                    shared.kept.by_class.mark(c + v, slot);
                }
            if (work.kept == nullptr || kept.bits == 0) return;
            add_mass(work.kept + i, kept.mass[0]);
            add_mass(work.kept + work.kept_pitch + i, kept.mass[1]);
        });
        place_entries(team, shared.kept, work, number);
        if (shared.kept.stored) {
            store_unit(team, shared.kept, lists.units[number]);
            for_each_candidate(shared, work, rank, [&](int32_t, int32_t slot, int32_t c, const CandidatePair &pair) {
                const KeptPair kept = keep(work, shared.unit, slot, c, pair);
#pragma unroll
                for (int v = 0; v < 2; ++v)
                    if (kept.bits >> v & 1)
                        lists.logits[store_entry(shared.kept, lists, shared.kept.first, slot, c + v)] = pair.logits[v];
            });
        }
        count_entries(team, shared.kept, shared.unit, work);
        team.sync();  // all are done with what was kept
    }
}

}  // namespace

int32_t list_candidates(const Problem &p, const Work &work, cudaStream_t stream) {
    const int64_t blocks = int64_t{traits_of(p.spec.device).multiprocessors} * kBlocksAtOnce;
    return launch("listing what the filters keep", candidates_kernel, blocks, kBlockThreads, stream, work);
}

}  // namespace cce::cuda::filtered
