// Rows of E that do not follow each other, copied one by one by the producer warpgroup, 16 bytes a thread.
#pragma once

#include "cuda/forward/logits.cuh"
#include "cuda/sm90/copy.cuh"
#include "cuda/sm90/tile.cuh"

namespace cce::cuda::sm90 {

class GatheredRows {
public:
    // `thread`: of the warpgroup. `stages`: Stages::rows. begin_of(row, pitch): where a row of the tile begins in E, in
    // 16 bytes, of which a row of E takes `pitch`. The whole warpgroup must call it and everything else.
    template <typename BeginOf>
    __device__ GatheredRows(int32_t thread, const void *stages, const Logits &logits, BeginOf begin_of)
        : thread_(thread), pitch_(static_cast<uint32_t>(logits.hidden / 8)) {
        const int32_t chunk = thread % kChunks;
        const int32_t row = thread / kChunks;  // of the first round
        const int32_t lane = thread % kWarp;
#pragma unroll
        for (int half = 0; half < 2; ++half) {
            const int32_t n = half * kWarp + lane;
            const int32_t tile_row =
                n / kWarpRows * kRowsAtOnce + thread / kWarp * kWarpRows + n % kWarpRows;
            begins_[half] = begin_of(tile_row, pitch_);
        }
        to_ = shared_address(stages) + row * kRowBytes + ((chunk ^ (row % 8)) * 16);
        from_ = static_cast<const char *>(logits.embeddings) + chunk * 16;
    }

    // Begins to copy a step; only the first half of the rows unless `both`.
    __device__ void copy(uint32_t stage, int32_t step, bool both) const {
        const int32_t chunk = thread_ % kChunks;
        const int32_t lane = thread_ % kWarp;
        const bool exists = step * kRowBytes + chunk * 16 < pitch_ * 16;
        const char *column = exists ? from_ + step * kRowBytes : from_;
        const uint32_t to = to_ + stage * kRowTileBytes;
#pragma unroll
        for (int half = 0; half < 2; ++half) {
            if (half == 1 && !both) break;
#pragma unroll
            for (int round = 0; round < kRounds / 2; ++round) {
                const uint32_t begin = __shfl_sync(kAllLanes, begins_[half], round * kWarpRows + lane / kChunks);
                copy_16(to + (half * kRounds / 2 + round) * kRowsAtOnce * kRowBytes,
                        column + static_cast<uint64_t>(begin) * 16, exists);
            }
        }
    }

private:
    static constexpr int kChunks = kRowBytes / 16;            // 16 bytes each
    static constexpr int kRowsAtOnce = kWarpgroup / kChunks;  // by the warpgroup
    static constexpr int kWarpRows = kWarp / kChunks;
    static constexpr int kRounds = kTileRows / kRowsAtOnce;
    static_assert(kRounds * kWarpRows == 2 * kWarp);

    int32_t thread_;
    uint32_t pitch_;
    // Where the rows that this warp copies begin, two a lane: number n is that of round n / kWarpRows.
    uint32_t begins_[2];
    uint32_t to_;
    const char *from_;
};

}  // namespace cce::cuda::sm90
