// Filtered gradients on Hopper: a thread block takes two units of a tile at a time, a pair, one a consumer warpgroup.
// So its steps are those of the sweep, 256 positions x 192 classes. What is known of a pair before its logits are has
// buffers of its own: the producer prepares a pair while the one before it is multiplied and the one before that is
// still being listed.
#pragma once

#include "cuda/filtered/listing.cuh"
#include "cuda/sm90/barrier.cuh"
#include "cuda/sm90/tile.cuh"

namespace cce::cuda::sm90 {

static_assert(filtered::kTileClasses == kTileClasses && kConsumers * filtered::kUnitRows == kTileRows);

// A warpgroup, as filtered/ sees it.
struct WarpgroupTeam {
    static constexpr int kThreads = kWarpgroup;
    int32_t barrier;

    __device__ static int thread() { return static_cast<int>(threadIdx.x) % kWarpgroup; }
    __device__ void sync() const { sync_warpgroup(barrier); }
};

struct Pair {
    filtered::UnitInputs units[kConsumers];
    uint32_t rows[kTileRows];  // where they begin in E, in 16 bytes
    uint32_t first_unit;
    uint32_t count;            // of units that exist
    bool last;                 // of this block, before its time
};

constexpr int kPairBuffers = 3;
constexpr int kPairStages = 3;  // a fourth would leave no room for the buffers

using PairRing = RingOf<kPairBuffers>;
using PairStageRing = RingOf<kPairStages>;

struct PairShared : Stages<kPairStages> {
    Pair pairs[kPairBuffers];
    filtered::KeptUnit<WarpgroupTeam> kept[kConsumers];
    uint64_t ready[kPairBuffers];  // by one thread of the producer
    uint64_t free[kPairBuffers];   // by all threads of the consumers
    uint32_t end;                  // of the pairs' numbers; of the producer
};
static_assert(sizeof(PairShared) <= 227 * 1024);

// Those of this block are the ones from blockIdx.x on, a grid apart.
__device__ inline uint32_t count_pairs(const filtered::Work &work) {
    return work.lists.tile_pair[work.lists.tiles];
}

// By one thread.
__device__ inline void begin_pairs(PairShared &shared, const filtered::Work &work) {
    shared.end = count_pairs(work);
    for (int pair = 0; pair < kPairBuffers; ++pair) {
        init_barrier(&shared.ready[pair], 1);
        init_barrier(&shared.free[pair], kConsumers * kWarpgroup);
    }
}

}  // namespace cce::cuda::sm90
