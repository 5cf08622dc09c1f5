// A tile of a gradient on the tensor cores: 128 lines x 256 columns by 8 warps, 64 x 64 a warp, in float32, summed over
// a depth that goes by in steps of 64. The right operand, C or E, is read across its rows: a row of it is one of the
// depth. The left one, dz, is read along its rows for dE and across them for dC. What is read across its rows lies in
// shared memory in blocks of 64 x 64; instructions transpose what they read. As in tile.cuh, the 16-byte chunks of a
// row are exchanged by the low bits of its number.
#pragma once

#include "cuda/backward/gradient_store.cuh"
#include "cuda/sm80/tile.cuh"

namespace cce::cuda::sm80 {

constexpr int kLineTile = kRowTile;
constexpr int kColumnTile = 256;
constexpr int kDepth = kRowBytes / 2;                    // of a step, in 16-bit elements
constexpr int kBlockBytes = kDepth * kRowBytes;          // of 64 x 64 elements
constexpr int kLeftBytes = kLineTile * kRowBytes;        // of a step, either way
constexpr int kProductStageBytes = kLeftBytes + kColumnTile / 64 * kBlockBytes;
constexpr int kCopyLines = kTileThreads / kChunks;       // rows of 128 bytes that the block copies at once
constexpr int kDepthRounds = kDepth / kCopyLines;
constexpr int kColumnBlocks = Across<kColumnTile>::kBlocks;  // instructions of 8 columns
constexpr int kColumnPairs = kColumnBlocks / 2;
using ProductSums = TileSums<kColumnTile>;

__device__ inline int copy_line() { return static_cast<int>(threadIdx.x) / kChunks; }
__device__ inline int copy_chunk() { return static_cast<int>(threadIdx.x) % kChunks; }
// Where this thread's chunk goes in the rows of 128 bytes that begin at a multiple of 8.
__device__ inline uint32_t copy_place() {
    return copy_line() * kRowBytes + (copy_chunk() ^ copy_line() % kChunks) * kChunkBytes;
}

// Lines of a row-major matrix with the depth along its rows.
class AlongRows {
public:
    static constexpr int kCopies = kLineTile / kCopyLines;

    // `matrix`: at the tile's first line. What lies beyond the lines and the depth counts as 0.
    __device__ AlongRows(const void *matrix, int64_t pitch, int32_t lines, int32_t depth)
        : from_(static_cast<const char *>(matrix)), pitch_(pitch * 2), lines_(lines), bytes_(depth * 2) {}

    // Copies [first, end) of kCopies of step `step`.
    template <int kFirst, int kEnd>
    __device__ void load(uint32_t stage, int32_t step) const {
        const int32_t at = step * kRowBytes + copy_chunk() * kChunkBytes;
#pragma unroll
        for (int i = kFirst; i < kEnd; ++i) {
            const int32_t line = copy_line() + i * kCopyLines;
            const bool exists = line < lines_ && at < bytes_;
            copy_async(stage + copy_place() + i * kCopyLines * kRowBytes, exists ? from_ + line * pitch_ + at : from_,
                       exists);
        }
    }
    // To step `step`, which is loaded next.
    __device__ void advance(int32_t) {}

    // As the left operand of a substep.
    __device__ static void read_left(uint32_t (&to)[kRowBlocks][4], uint32_t stage, int substep) {
        const uint32_t row = stage + (warp_of() / kWarpsAcross * kWarpRows + lane_of() % 16) * kRowBytes;
        const uint32_t chunk = ((lane_of() / 16 ^ lane_of() % 8) * kChunkBytes) ^ (substep * 2 * kChunkBytes);
#pragma unroll
        for (int m = 0; m < kRowBlocks; ++m) load_matrices(to[m], row + m * 16 * kRowBytes + chunk);
    }

private:
    const char *from_;
    int64_t pitch_;  // in bytes, as the others
    int32_t lines_;
    int32_t bytes_;
};

// kColumns columns of a row-major matrix whose rows are the depth: row `rows[k]` at depth k, or row k.
template <int kColumns, bool kListed>
class AcrossRows {
public:
    static constexpr int kBlocks = kColumns / 64;
    static constexpr int kCopies = kBlocks * kDepthRounds;

    // `matrix`: at the tile's first column, of which there are `columns`.
    __device__ AcrossRows(const void *matrix, int64_t pitch, int32_t columns, int32_t depth,
                          const int64_t *rows = nullptr)
        : from_(static_cast<const char *>(matrix)), pitch_(pitch * 2), bytes_(columns * 2), depth_(depth),
          rows_(rows) {
        advance(0);
    }

    template <int kFirst, int kEnd>
    __device__ void load(uint32_t stage, int32_t step) const {
#pragma unroll
        for (int copy = kFirst; copy < kEnd; ++copy) {
            const int round = copy % kDepthRounds;
            const int block = copy / kDepthRounds;
            const int32_t at = block * kRowBytes + copy_chunk() * kChunkBytes;
            const bool exists = depth_of(step, round) < depth_ && at < bytes_;
            copy_async(stage + block * kBlockBytes + copy_place() + round * kCopyLines * kRowBytes,
                       exists ? from_ + row_[round] * pitch_ + at : from_, exists);
        }
    }

    __device__ void advance(int32_t step) {
#pragma unroll
        for (int round = 0; round < kDepthRounds; ++round) {
            const int32_t k = depth_of(step, round);
            row_[round] = !kListed ? k : k < depth_ ? static_cast<int32_t>(rows_[k]) : 0;
        }
    }

    // As the left operand of a substep.
    __device__ static void read_left(uint32_t (&to)[kRowBlocks][4], uint32_t stage, int substep) {
        const int k = lane_of() / 16 * 8 + lane_of() % 8;
        const uint32_t row = stage + warp_of() / kWarpsAcross * kBlockBytes + (substep * 16 + k) * kRowBytes;
        const uint32_t chunk = (lane_of() / 8 % 2 ^ lane_of() % 8) * kChunkBytes;
#pragma unroll
        for (int m = 0; m < kRowBlocks; ++m) load_transposed(to[m], row + (chunk ^ (m * 2 * kChunkBytes)));
    }
    // As the right one.
    __device__ static void read_right(uint32_t (&to)[kColumnPairs][4], uint32_t stage, int substep) {
        const int k = lane_of() / 8 % 2 * 8 + lane_of() % 8;
        const uint32_t row = stage + warp_of() % kWarpsAcross * kBlockBytes + (substep * 16 + k) * kRowBytes;
        const uint32_t chunk = (lane_of() / 16 ^ lane_of() % 8) * kChunkBytes;
#pragma unroll
        for (int n = 0; n < kColumnPairs; ++n)
            load_transposed(to[n], row + (chunk ^ (n * 2 * kChunkBytes)));
    }

private:
    __device__ static int32_t depth_of(int32_t step, int round) {
        return step * kDepth + copy_line() + round * kCopyLines;
    }

    const char *from_;
    int64_t pitch_;
    int32_t bytes_;
    int32_t depth_;
    const int64_t *rows_;
    int32_t row_[kDepthRounds];
};

// sums = left right over `steps` steps, in kStages stages of shared memory, which the whole block leaves free.
template <typename T, int kStages, typename Left, typename Right>
__device__ void multiply(ProductSums &sums, uint32_t shared, Left left, Right right, int32_t steps) {
    static_assert(kSubsteps == 4 && Left::kCopies == 4 && Right::kCopies == 8);
    uint32_t left_of[2][kRowBlocks][4];
    uint32_t right_of[2][kColumnPairs][4];
    uint32_t loading = shared;
    uint32_t reading = shared;
    int32_t next = 0;  // step to load
    const auto read = [&](int buffer, int substep) {
        Left::read_left(left_of[buffer], reading, substep);
        Right::read_right(right_of[buffer], reading + kLeftBytes, substep);
    };
    const auto multiply_add = [&](int buffer) {
#pragma unroll
        for (int n = 0; n < kColumnBlocks; ++n)
#pragma unroll
            for (int m = 0; m < kRowBlocks; ++m)
                sm80::multiply_add(sums[m][n], left_of[buffer][m], right_of[buffer][n / 2][n % 2 * 2],
                                   right_of[buffer][n / 2][n % 2 * 2 + 1], T{});
    };
    // Steps beyond the last one are zeros: a branch would keep the compiler from mixing copies with multiplications.
    const auto end_step = [&] {
        commit_copies();
        left.advance(++next);
        right.advance(next);
    };
    const auto wait = [] {
        wait_copies<kStages - 2>();
        __syncthreads();
    };
#pragma unroll
    for (int m = 0; m < kRowBlocks; ++m)
#pragma unroll
        for (int n = 0; n < kColumnBlocks; ++n)
#pragma unroll
            for (int k = 0; k < 4; ++k) sums[m][n][k] = 0.0f;
#pragma unroll
    for (int stage = 0; stage < kStages - 1; ++stage, loading += kProductStageBytes) {
        left.template load<0, 4>(loading, next);
        right.template load<0, 8>(loading + kLeftBytes, next);
        end_step();
    }
    wait();
    read(0, 0);
#pragma unroll 1
    for (int32_t step = 0; step < steps; ++step) {
        read(1, 1);
        left.template load<0, 4>(loading, next);
        multiply_add(0);
        read(0, 2);
        right.template load<0, 4>(loading + kLeftBytes, next);
        multiply_add(1);
        read(1, 3);
        right.template load<4, 8>(loading + kLeftBytes, next);
        end_step();
        multiply_add(0);
        // The last read of this stage is done, and what comes next is there.
        wait();
        loading = reading;
        reading = reading == shared + (kStages - 1) * kProductStageBytes ? shared : reading + kProductStageBytes;
        read(0, 0);
        multiply_add(1);
    }
    wait_copies<0>();
    __syncthreads();
}

// Stores this thread's part of a tile, of the product with a scaled dz; lines from `lines` on and columns beyond the
// width do not exist.
template <typename Out>
__device__ void store_tile(const GradientStore &to, const ProductSums &sums, int32_t first_line, int32_t lines,
                           int32_t first_column) {
    const float initial = to.control->initial;
    const float inverse_scale = to.control->inverse_dz_scale;
#pragma unroll
    for (int m = 0; m < kRowBlocks; ++m)
#pragma unroll
        for (int u = 0; u < 2; ++u) {
            const int32_t line = first_line + tile_row(m, u);
            if (line >= lines) continue;
            const int64_t row = to.rows == nullptr ? line : to.rows[line];
            Out *out = static_cast<Out *>(to.array) + row * to.width;
#pragma unroll
            for (int n = 0; n < kColumnBlocks; ++n) {
                const int32_t column = first_column + Across<kColumnTile>::class_of(n, 0);
                if (column >= to.width) continue;
                const float2 before = to.add ? load_pair(out + column) : float2{0.0f, 0.0f};
                store_pair(out + column, before.x + initial + sums[m][n][2 * u] * inverse_scale,
                           before.y + initial + sums[m][n][2 * u + 1] * inverse_scale);
            }
        }
}

template <typename T>
__device__ void store_tile_as(const GradientStore &to, const ProductSums &sums, int32_t first_line, int32_t lines,
                              int32_t first_column) {
    if (to.dtype == CCE_F32)
        store_tile<float>(to, sums, first_line, lines, first_column);
    else
        store_tile<T>(to, sums, first_line, lines, first_column);
}

// Stages that fit into the shared memory of a thread block, up to 4: calls f with a constant.
template <typename F>
int32_t with_stages(int32_t shared_bytes, F f) {
    const int32_t stages = shared_bytes / kProductStageBytes;
    if (stages >= 4) return f(std::integral_constant<int, 4>());
    return stages == 3 ? f(std::integral_constant<int, 3>()) : f(std::integral_constant<int, 2>());
}

}  // namespace cce::cuda::sm80
