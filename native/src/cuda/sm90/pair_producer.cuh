// The producer of pairs: prepares them and keeps the ring of stages filled.
#pragma once

#include "cuda/sm90/copy.cuh"
#include "cuda/sm90/gathered_rows.cuh"
#include "cuda/sm90/pair.cuh"
#include "cuda/sm90/roles.cuh"

namespace cce::cuda::sm90 {

// Prepares pair `number` in the next buffer. Returns its tile, which is searched from `tile` on. The whole producer must
// call it.
__device__ inline int32_t prepare_pair(PairShared &shared, const filtered::Work &work, const filtered::Window &all,
                                       PairRing &ring, int32_t tile, uint32_t number) {
    const WarpgroupTeam team{kProducerBarrier};
    const filtered::Lists &lists = work.lists;
    tile = filtered::find_tile(lists.tile_pair, tile, all.end_tile(), number);
    const uint32_t in_tile = number - lists.tile_pair[tile];
    wait(&shared.free[ring.stage], ring.parity ^ 1);
    Pair &pair = shared.pairs[ring.stage];
    if (team.thread() == 0) {
        pair.first_unit = lists.tile_unit[tile] + in_tile * kConsumers;
        pair.count = Minimum()(lists.tile_unit[tile + 1] - pair.first_unit, static_cast<uint32_t>(kConsumers));
    }
    const auto pitch = static_cast<uint32_t>(work.logits.hidden / 8);
    filtered::prepare_units<kConsumers>(
        team, pair.units, work, all, tile, in_tile * kTileRows,
        [&](int row, int64_t token) { pair.rows[row] = static_cast<uint32_t>(token) * pitch; });
    if (team.thread() == 0) arrive(&shared.ready[ring.stage], 1);
    ring.advance();
    return tile;
}

__device__ inline void produce_pairs(PairShared &shared, const CUtensorMap &classifier, const filtered::Work &work,
                                     const filtered::Window &all, int32_t steps) {
    const uint32_t pairs = count_pairs(work, all);
    // The next pair is prepared while the consumers have full stages of this one, or the one before it, to go on with.
    const int32_t last_before_next = Minimum()(steps, kPairStages) - 1;
    PairRing prepared;
    PairStageRing ring;
    uint32_t number = blockIdx.x;
    if (number >= pairs) return;
    int32_t next_tile = prepare_pair(shared, work, all, prepared, all.first_tile(), number);
    for (; number < pairs; number += gridDim.x) {
        const Pair &pair = shared.pairs[prepared.previous()];
        const int32_t first_class = next_tile * kTileClasses;
        const bool both = pair.count == kConsumers;
        const GatheredRows rows(shared.rows, work.logits, [&](int32_t row, uint32_t) { return pair.rows[row]; });
        for (int32_t step = 0; step < steps; ++step, ring.advance()) {
            uint64_t *full = &shared.full[ring.stage];
            wait(&shared.empty[ring.stage], ring.parity ^ 1);
            if (threadIdx.x == 0) {
                arrive_expecting(full, kClassesBytes);
                copy_box(shared.classes[ring.stage], classifier, first_class, step * kStep, full);
            }
            __syncwarp();
            rows.copy(ring.stage, step, both);
            arrive_after_copies(full);
            if (step == last_before_next && number + gridDim.x < pairs)
                next_tile = prepare_pair(shared, work, all, prepared, next_tile, number + gridDim.x);
        }
    }
}

}  // namespace cce::cuda::sm90
