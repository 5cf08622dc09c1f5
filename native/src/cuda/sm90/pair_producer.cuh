// The producer of pairs: prepares them and keeps the ring of stages filled.
#pragma once

#include "cuda/opaque.cuh"
#include "cuda/sm90/copy.cuh"
#include "cuda/sm90/gathered_rows.cuh"
#include "cuda/sm90/pair.cuh"
#include "cuda/sm90/roles.cuh"

namespace cce::cuda::sm90 {

// Whether nothing more need be listed, for the lists are too short and others do the work then. Where a block stops
// depends on timing, but no result does.
__device__ inline bool may_stop(const filtered::Work &work) {
    return work.may_stop && *static_cast<volatile unsigned long long *>(&work.lists.counters->entries) >
                                work.lists.most_entries;
}

// Begins to prepare pair `number` in the next buffer. Its tile is searched from `tile` on. The whole producer must call
// it.
__device__ inline void begin_pair(PairShared &shared, const filtered::Work &work, const PairRing &ring, int32_t tile,
                                  uint32_t number) {
    const WarpgroupTeam team{kProducerBarrier};
    const filtered::Lists &lists = work.lists;
    const filtered::Window all = filtered::window_of_all(work);
    tile = filtered::find_tile(lists.tile_pair, tile, all.end_tile(), number);
    const uint32_t in_tile = number - lists.tile_pair[tile];
    wait(&shared.free[ring.stage], ring.parity ^ 1);
    Pair &pair = shared.pairs[ring.stage];
    team.sync();  // all have seen shared.end as it was
    if (team.thread() == 0) {
        pair.first_unit = lists.tile_unit[tile] + in_tile * kConsumers;
        pair.count = Minimum()(lists.tile_unit[tile + 1] - pair.first_unit, static_cast<uint32_t>(kConsumers));
        pair.last = may_stop(work);
        if (pair.last) shared.end = 0;
    }
    filtered::begin_units<kConsumers>(team, pair.units, work, all, tile, in_tile * kTileRows);
}

// Completes it.
__device__ inline void complete_pair(PairShared &shared, const filtered::Work &work, PairRing &ring) {
    const WarpgroupTeam team{kProducerBarrier};
    Pair &pair = shared.pairs[ring.stage];
    const auto pitch = static_cast<uint32_t>(work.logits.hidden / 8);
    team.sync();  // the tile is there
    filtered::complete_units<kConsumers>(
        team, pair.units, work, pair.units[0].tile,
        [&](int row, int64_t token) { pair.rows[row] = static_cast<uint32_t>(token) * pitch; });
    if (team.thread() == 0) arrive(&shared.ready[ring.stage], 1);
    ring.advance();
}

// Steps [first, end) of a pair.
__device__ inline void produce_steps(PairShared &shared, const Pair &pair, const CUtensorMap &classifier,
                                     const Logits &logits, PairStageRing &ring, int32_t first, int32_t end) {
    // Between its steps a pair is prepared, with few registers: nothing of this is kept meanwhile.
    const int32_t thread = opaque(static_cast<int32_t>(threadIdx.x));
    const GatheredRows rows(thread, shared.rows, logits, [&](int32_t row, uint32_t) { return pair.rows[row]; });
    for (int32_t step = first; step < end; ++step, ring.advance()) {
        uint64_t *full = &shared.full[ring.stage];
        wait(&shared.empty[ring.stage], ring.parity ^ 1);
        if (threadIdx.x == 0) {
            arrive_expecting(full, kClassTileBytes);
            copy_box(shared.classes[ring.stage], classifier, pair.units[0].tile * kTileClasses, step * kStep, full);
        }
        __syncwarp();
        rows.copy(ring.stage, step, pair.count == kConsumers);
        arrive_after_copies(full);
    }
}

__device__ inline void produce_pairs(PairShared &shared, const CUtensorMap &classifier, const filtered::Work &work,
                                     int32_t steps) {
    PairRing prepared;
    PairStageRing ring;
    uint32_t number = blockIdx.x;
    if (number >= shared.end) return;
    begin_pair(shared, work, prepared, 0, number);
    complete_pair(shared, work, prepared);
    for (; number < shared.end; number += gridDim.x) {
        const Pair &pair = shared.pairs[prepared.previous()];
        produce_steps(shared, pair, classifier, work.logits, ring, 0, 1);
        // In two parts, each while the consumers still have stages: of the pair before this one first.
        const uint32_t next = number + gridDim.x;
        const bool more = next < shared.end;
        const int32_t middle = Minimum()(1 + kPairStages, steps);
        if (more) begin_pair(shared, work, prepared, pair.units[0].tile, next);
        produce_steps(shared, pair, classifier, work.logits, ring, 1, middle);
        if (more) complete_pair(shared, work, prepared);
        produce_steps(shared, pair, classifier, work.logits, ring, middle, steps);
    }
}

}  // namespace cce::cuda::sm90
