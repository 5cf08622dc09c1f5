// The shape of the work on Hopper. A thread block computes 256 positions x 192 classes at a time; its two consumer
// warpgroups 128 x 192 each, in registers: 22 % fewer bytes per logit than the usual 128 x 256, and it is the delivery
// of operands to shared memory that limits such a kernel. Blocks fetch all of it themselves: in a cluster that shares
// what it can, each waits for the other's slowest warpgroup before every fetch, which costs more than the bytes saved.
#pragma once

#include <cuda_runtime.h>

#include <cstdint>

#include "cuda/forward/schedule.cuh"
#include "cuda/reduce.cuh"

namespace cce::cuda::sm90 {

constexpr int kTileRows = 256;
constexpr int kTileClasses = 192;

constexpr int kStep = 64;           // hidden elements of a stage: 128 bytes of 16-bit numbers, one row of the swizzle
constexpr int kRowBytes = 2 * kStep;
constexpr int kStages = 4;          // where nothing large lies beside them
constexpr int kRowTileBytes = kTileRows * kRowBytes;
constexpr int kClassTileBytes = kTileClasses * kRowBytes;

constexpr int kWarpgroup = 4 * kWarp;
constexpr int kConsumers = 2;  // warpgroups
constexpr int kBlockThreads = (1 + kConsumers) * kWarpgroup;

// Named barriers.
constexpr int32_t kProducerBarrier = 1;
__host__ __device__ constexpr int32_t consumer_barrier(int32_t group) { return 2 + group; }

// How the registers of a block are shared out, a thread and in steps of 8. It begins with as many for every thread, and
// what is taken must have been given up: otherwise the consumers wait forever.
constexpr int kProducerRegisters = 40;
constexpr int kConsumerRegisters = 232;
constexpr int kRegistersAtFirst = 65536 / kBlockThreads / 8 * 8;
static_assert(kProducerRegisters + kConsumers * kConsumerRegisters <= (1 + kConsumers) * kRegistersAtFirst);

using Run = RunList::Run;

template <int kCount>
struct Stages {
    static constexpr int kStages = kCount;

    // The two operands of a stage, in the sweep of E and of C. The swizzle repeats every 1024 bytes.
    alignas(1024) uint8_t rows[kCount][kRowTileBytes];
    alignas(1024) uint8_t classes[kCount][kClassTileBytes];
    uint64_t full[kCount];
    uint64_t empty[kCount];
};

struct Shared : Stages<kStages> {
    float class_values[kConsumers][kTileClasses];
    RunList list;
    bool contiguous[Schedule::kMostRuns];  // whether the positions of a run read consecutive rows of E
};
static_assert(sizeof(Shared) <= 227 * 1024);

// Where a warpgroup is in a ring of kCount stages.
template <int kCount>
struct RingOf {
    uint32_t stage = 0;
    uint32_t parity = 0;  // of the phase of `full` that completes this stage

    __device__ void advance() {
        if (++stage == kCount) {
            stage = 0;
            parity ^= 1;
        }
    }

    __device__ uint32_t previous() const { return (stage + kCount - 1) % kCount; }

    __device__ void skip(uint32_t stages) {
        stage += stages;
        parity ^= stage / kCount & 1;
        stage %= kCount;
    }
};

using Ring = RingOf<kStages>;

}  // namespace cce::cuda::sm90
