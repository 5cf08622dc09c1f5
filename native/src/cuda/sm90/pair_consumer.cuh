// The consumers of pairs: each warpgroup multiplies one unit and uses its dot products, while the other one perhaps has
// the tensor cores.
#pragma once

#include "cuda/sm90/multiply.cuh"
#include "cuda/sm90/pair.cuh"

namespace cce::cuda::sm90 {

// A thread's share of a unit, as filtered/listing.cuh takes it.
struct UnitProduct {
    using Sums = float[kProducts][kProductSums];
    static constexpr int kRows = 2 * kProducts;
    static constexpr int kClasses = kProductSums / 2;

    __device__ static int slot_of(int r) { return tile_row(0, r / 2, r % 2); }
    __device__ static int class_of(int n) { return pair_column(n / 2) + n % 2; }
    __device__ static int index_of(int c) {
        return c >= 0 && c % 8 - c % 2 == pair_column(0) ? c / 8 * 2 + c % 2 : -1;
    }
    __device__ static float &value(Sums &sums, int r, int n) { return sums[r / 2][n / 2 * 4 + r % 2 * 2 + n % 2]; }
};

// Lets the stages of a pair pass by that has no unit for this warpgroup. One thread does; the others must not be rounds
// of the ring away from it when they wait for a stage next.
__device__ inline void skip_pair(const WarpgroupTeam &team, PairShared &shared, PairStageRing &ring, int32_t steps) {
    if (team.thread() == 0) {
        for (int32_t step = 0; step < steps; ++step, ring.advance()) {
            wait(&shared.full[ring.stage], ring.parity);
            release(shared, ring.stage);
        }
    } else {
        ring.skip(steps);
    }
    __syncwarp();
    team.sync();
}

// prepare() for each unit of this warpgroup, then use(unit, its number, its dot products).
template <typename T, typename Prepare, typename Use>
__device__ void consume_pairs(PairShared &shared, const filtered::Work &work, int32_t group, int32_t steps,
                              Prepare prepare, Use use) {
    const WarpgroupTeam team{consumer_barrier(group)};
    const uint32_t pairs = count_pairs(work);
    PairRing prepared;
    PairStageRing ring;
    for (uint32_t number = blockIdx.x; number < pairs; number += gridDim.x, prepared.advance()) {
        wait(&shared.ready[prepared.stage], prepared.parity);
        const Pair &pair = shared.pairs[prepared.stage];
        if (group < static_cast<int32_t>(pair.count)) {
            prepare();
            UnitProduct::Sums x;
            multiply<T, Lies::kAlong, Lies::kAlong>(x, shared, ring, group, steps, true);
            use(pair.units[group], pair.first_unit + group, x);
        } else {
            skip_pair(team, shared, ring, steps);
        }
        const bool last = pair.last;
        arrive(&shared.free[prepared.stage], 1);
        if (last) return;
    }
}

}  // namespace cce::cuda::sm90
