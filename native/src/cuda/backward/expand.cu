// Moves the rows of condensed products to where they belong in dC (row_moves.h).
#include <algorithm>

#include "cuda/backward/condensed.h"
#include "cuda/backward/row_moves.h"
#include "cuda/check.h"

namespace cce::cuda {
namespace {

constexpr int64_t kMostBlocks = 4096;
constexpr int kRowsOfBlock = kThreads / kWarp;  // a warp takes a row

// Those that leave the last rows.
__global__ void __launch_bounds__(kThreads)
leave_last_rows_kernel(LiveClasses live, int64_t rows, uint4 *classifier, int32_t chunks,
                       const BackwardControl *control) {
    if (!control->condensed) return;
    const RowMoves moves = {live.classes, control->live_classes, rows};
    const auto lane = static_cast<int32_t>(threadIdx.x) % kWarp;
    for (int64_t place = int64_t{blockIdx.x} * kRowsOfBlock + threadIdx.x / kWarp;
         place < moves.count && moves.leaves_last(place); place += int64_t{gridDim.x} * kRowsOfBlock) {
        const uint4 *const from = classifier + moves.source(place) * chunks;
        uint4 *const to = classifier + moves.destination(place) * chunks;
        for (int32_t k = lane; k < chunks; k += kWarp) __stcs(to + k, from[k]);
    }
}

// The others. A thread block owns some columns of all rows and moves many rows at a time: it has read them all when it
// writes the first, and none of them belongs to a row from which a later one comes.
constexpr int kMoveThreads = 512;
constexpr int kMoveChunks = 4;  // neighbouring 16 bytes of a row
constexpr int kRowsAtOnce = kMoveThreads / kMoveChunks;
constexpr int kRounds = 8;

__global__ void __launch_bounds__(kMoveThreads)
move_within_last_rows_kernel(LiveClasses live, int64_t rows, uint4 *classifier, int32_t chunks,
                             const BackwardControl *control) {
    if (!control->condensed) return;
    const RowMoves moves = {live.classes, control->live_classes, rows};
    const auto chunk = static_cast<int32_t>(blockIdx.x * kMoveChunks + threadIdx.x % kMoveChunks);
    const auto row = static_cast<int32_t>(threadIdx.x) / kMoveChunks;
    for (int64_t first = moves.first_within(); first < moves.count; first += kRounds * kRowsAtOnce) {
        uint4 content[kRounds];
        int64_t to[kRounds];
#pragma unroll
        for (int round = 0; round < kRounds; ++round) {
            const int64_t place = first + round * kRowsAtOnce + row;
            const bool moves_here = place < moves.count && chunk < chunks &&
                                    moves.destination(place) != moves.source(place);
            to[round] = moves_here ? moves.destination(place) * chunks + chunk : -1;
            if (moves_here) content[round] = classifier[moves.source(place) * chunks + chunk];
        }
        __syncthreads();
#pragma unroll
        for (int round = 0; round < kRounds; ++round)
            if (to[round] >= 0) classifier[to[round]] = content[round];
    }
}

}  // namespace

int32_t expand_classes(const Problem &p, const LiveClasses &live, int64_t tile, const GradientStore &classifier,
                       cudaStream_t stream) {
    auto *const rows = static_cast<uint4 *>(classifier.array);
    const int64_t row_bytes = classifier.width * dtype_bytes(classifier.dtype);
    const auto chunks = static_cast<int32_t>(row_bytes / static_cast<int64_t>(sizeof(uint4)));
    CCE_TRY(launch("moving gradients of live classes", leave_last_rows_kernel,
                   std::min(div_up(live.most_listed(tile), kRowsOfBlock), kMostBlocks), kThreads, stream, live,
                   p.spec.classes, rows, chunks, classifier.control));
    return launch("moving gradients of the last classes", move_within_last_rows_kernel, div_up(chunks, kMoveChunks),
                  kMoveThreads, stream, live, p.spec.classes, rows, chunks, classifier.control);
}

}  // namespace cce::cuda
