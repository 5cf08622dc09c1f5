// The producer warpgroup: keeps the ring of stages filled. Where the positions of a tile read consecutive rows of E,
// one thread tells the copy engine. Where ignored positions lie between them, all threads copy the rows one by one: the
// copy engine takes 60 clocks for a box of a single row.
#pragma once

#include "cuda/forward/logits.cuh"
#include "cuda/sm90/gathered_rows.cuh"
#include "cuda/sm90/roles.cuh"
#include "cuda/sm90/copy.cuh"

namespace cce::cuda::sm90 {

struct Operands {
    const CUtensorMap &embeddings;  // in boxes of kTileRows rows
    const CUtensorMap &classifier;  // in boxes of kTileClasses rows
    const Logits &logits;
    int32_t valid;                  // positions
    int32_t first_class;            // of class tile 0
    int32_t steps;                  // div_up(D, kStep)
};

// The runs of this block, and which of them read consecutive rows of E.
__device__ inline void list_runs(Shared &shared, const Schedule &schedule, const Logits &logits,
                                 int64_t valid) {
    shared.list.fill(schedule, valid, static_cast<int32_t>(blockIdx.x));
    for (int32_t r = 0; r < shared.list.count; ++r) {
        const int64_t first = static_cast<int64_t>(shared.list.runs[r].row_tile) * kTileRows;
        const int64_t last = Minimum()(first + kTileRows, valid) - 1;
        shared.contiguous[r] = logits.token(last) - logits.token(first) == last - first;
    }
}

__device__ inline void fetch_classes(Shared &shared, const Operands &in, const Ring &ring, int32_t tile,
                                     int32_t step) {
    const int32_t first = in.first_class + tile * kTileClasses;
    copy_box(shared.classes[ring.stage], in.classifier, first, step * kStep, &shared.full[ring.stage]);
}

// Logits::token in 32 bits, which are enough here and take far fewer registers to divide.
__device__ inline int32_t token(const Logits &logits, int32_t i) {
    const auto r = static_cast<uint32_t>(logits.valid_rows[i]);
    const auto row_time = static_cast<uint32_t>(logits.batch.row_time);
    return static_cast<int32_t>(r / row_time * static_cast<uint32_t>(logits.batch.time) + r % row_time);
}

__device__ inline void produce_contiguous(Shared &shared, const Operands &in, const Run &run, Ring &ring) {
    const int32_t row = token(in.logits, run.row_tile * kTileRows);
    for (int32_t tile = run.first_class_tile; tile < run.end_class_tile; ++tile) {
        for (int32_t step = 0; step < in.steps; ++step, ring.advance()) {
            uint64_t *full = &shared.full[ring.stage];
            wait(&shared.empty[ring.stage], ring.parity ^ 1);
            arrive_expecting(full, kRowTileBytes + kClassTileBytes);
            arrive(full, kFullArrivals - 1);
            copy_box(shared.rows[ring.stage], in.embeddings, row, step * kStep, full);
            fetch_classes(shared, in, ring, tile, step);
        }
    }
}

__device__ inline void produce_gathered(Shared &shared, const Operands &in, const Run &run, Ring &ring) {
    // A tile that is not full repeats its last row; nobody reads those sums.
    const auto thread = static_cast<int32_t>(threadIdx.x);
    const GatheredRows rows(thread, shared.rows, in.logits, [&](int32_t row, uint32_t pitch) {
        return token(in.logits, Minimum()(run.row_tile * kTileRows + row, in.valid - 1)) * pitch;
    });
    for (int32_t tile = run.first_class_tile; tile < run.end_class_tile; ++tile) {
        for (int32_t step = 0; step < in.steps; ++step, ring.advance()) {
            uint64_t *full = &shared.full[ring.stage];
            wait(&shared.empty[ring.stage], ring.parity ^ 1);
            if (threadIdx.x == 0) {
                arrive_expecting(full, kClassTileBytes);
                fetch_classes(shared, in, ring, tile, step);
            }
            __syncwarp();
            rows.copy(ring.stage, step, true);
            arrive_after_copies(full);
        }
    }
}

__device__ inline void produce(Shared &shared, const Operands &in) {
    Ring ring;
    for (int32_t r = 0; r < shared.list.count; ++r) {
        const Run &run = shared.list.runs[r];
        // Nobody may be more than one round of the ring behind when it begins to wait.
        sync_warpgroup(kProducerBarrier);
        if (!shared.contiguous[r]) {
            produce_gathered(shared, in, run, ring);
        } else if (threadIdx.x == 0) {
            produce_contiguous(shared, in, run, ring);
        } else {
            ring.skip((run.end_class_tile - run.first_class_tile) * in.steps);
        }
        __syncwarp();
    }
}

}  // namespace cce::cuda::sm90
