// A tile of a matrix product on the CUDA cores: 128 x 128 results by 256 threads, 8 x 8 of them a thread, float32.
//
// Per 8 steps of depth the block puts 128 x 8 elements of each operand into shared memory as float32, and every thread
// does 512 fused multiply-adds on 32 reads of 16 bytes, so the arithmetic units are the bound. Elements are loaded one
// by one, which takes any alignment and any shape; what lies outside of an operand counts as 0. A second block on the
// multiprocessor computes while this one loads.
#pragma once

#include "cuda/scalar.cuh"

namespace cce::cuda::plain {

constexpr int kTile = 128;
constexpr int kDepth = 8;
constexpr int kTileThreads = 256;
constexpr int kMicro = 8;                               // results of a thread along each side
constexpr int kSide = kTile / kMicro;                   // threads along each side
constexpr int kQuad = 4;                                // neighbouring results of a thread: one 16-byte read
constexpr int kPitch = kTile + 4;                       // spreads the transposing stores over the banks
constexpr int kLoads = kTile * kDepth / kTileThreads;   // elements that a thread loads of each operand
constexpr int64_t kBusyBlocks = 256;  // that keep a large GPU busy, two on each of its multiprocessors
static_assert(kSide * kSide == kTileThreads, "every thread has one micro tile");
static_assert(kMicro == 2 * kQuad, "a micro tile is 2 x 2 quads");
static_assert(kPitch % kQuad == 0, "16-byte reads of shared memory are aligned");

struct TileShared {
    alignas(16) float a[kDepth][kPitch];
    alignas(16) float b[kDepth][kPitch];
};

using MicroTile = float[kMicro][kMicro];

// Where result (u, v) of this thread lies in the tile. The 16 threads of one row are 16 neighbouring lanes.
__device__ inline int tile_row(int u) {
    return static_cast<int>(threadIdx.x) / kSide * kQuad + u % kQuad + u / kQuad * (kTile / 2);
}
__device__ inline int tile_column(int v) {
    return static_cast<int>(threadIdx.x) % kSide * kQuad + v % kQuad + v / kQuad * (kTile / 2);
}

// Operands give the element at `line` (0 to 127, a row or column of the tile) and `depth` as float. kDepthContiguous
// says which neighbours are neighbours in memory.

// Lines are rows of a matrix; those from `lines` on do not exist.
template <typename T>
struct RowsOperand {
    static constexpr bool kDepthContiguous = true;
    const T *first;
    int64_t stride;
    int64_t lines;
    __device__ float operator()(int line, int64_t depth) const {
        return line < lines ? to_float(first[line * stride + depth]) : 0.0f;
    }
};

// Lines are the rows `row[line]` of a matrix; a negative one does not exist.
template <typename T>
struct GatheredRowsOperand {
    static constexpr bool kDepthContiguous = true;
    const T *matrix;
    int64_t stride;
    const int64_t *row;
    __device__ float operator()(int line, int64_t depth) const {
        return row[line] >= 0 ? to_float(matrix[row[line] * stride + depth]) : 0.0f;
    }
};

// Lines are columns of a matrix whose rows run along the depth; those from `lines` on do not exist.
template <typename T>
struct ColumnsOperand {
    static constexpr bool kDepthContiguous = false;
    const T *first;
    int64_t stride;
    int64_t lines;
    __device__ float operator()(int line, int64_t depth) const {
        return line < lines ? to_float(first[depth * stride + line]) : 0.0f;
    }
};

// The same, with the row `row[depth]` at each depth.
template <typename T>
struct GatheredColumnsOperand {
    static constexpr bool kDepthContiguous = false;
    const T *first;
    int64_t stride;
    int64_t lines;
    const int64_t *row;
    __device__ float operator()(int line, int64_t depth) const {
        return line < lines ? to_float(first[row[depth] * stride + line]) : 0.0f;
    }
};

template <typename Operand>
__device__ void load_operand(float (&shared)[kDepth][kPitch], const Operand &operand, int64_t depth, int64_t end) {
#pragma unroll
    for (int load = 0; load < kLoads; ++load) {
        const int index = static_cast<int>(threadIdx.x) + load * kTileThreads;
        const int line = Operand::kDepthContiguous ? index / kDepth : index % kTile;
        const int k = Operand::kDepthContiguous ? index % kDepth : index / kTile;
        shared[k][line] = depth + k < end ? operand(line, depth + k) : 0.0f;
    }
}

__device__ inline void load_quads(float (&values)[kMicro], const float *line, int quad) {
#pragma unroll
    for (int half = 0; half < 2; ++half) {
        const float4 four = *reinterpret_cast<const float4 *>(line + quad * kQuad + half * (kTile / 2));
        values[half * kQuad + 0] = four.x;
        values[half * kQuad + 1] = four.y;
        values[half * kQuad + 2] = four.z;
        values[half * kQuad + 3] = four.w;
    }
}

// result[u][v] = sum over depth in [begin, end) of a(tile_row(u), depth) * b(tile_column(v), depth). The whole block
// must call it. Shared memory written before is visible after a step; `shared` is free again at the return.
template <typename A, typename B>
__device__ void multiply(MicroTile &result, TileShared &shared, const A &a, const B &b, int64_t begin, int64_t end) {
#pragma unroll
    for (int u = 0; u < kMicro; ++u)
#pragma unroll
        for (int v = 0; v < kMicro; ++v) result[u][v] = 0.0f;
    for (int64_t depth = begin; depth < end; depth += kDepth) {
        load_operand(shared.a, a, depth, end);
        load_operand(shared.b, b, depth, end);
        __syncthreads();
#pragma unroll
        for (int k = 0; k < kDepth; ++k) {
            float of_a[kMicro];
            float of_b[kMicro];
            load_quads(of_a, shared.a[k], static_cast<int>(threadIdx.x) / kSide);
            load_quads(of_b, shared.b[k], static_cast<int>(threadIdx.x) % kSide);
#pragma unroll
            for (int u = 0; u < kMicro; ++u)
#pragma unroll
                for (int v = 0; v < kMicro; ++v) result[u][v] = fmaf(of_a[u], of_b[v], result[u][v]);
        }
        __syncthreads();
    }
}

}  // namespace cce::cuda::plain
