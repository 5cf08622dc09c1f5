// What the two products of backward share: a persistent grid of thread blocks goes through tiles of 256 x 192
// gradients, each owned by one block and written once.
#pragma once

#include "cuda/backward/gradient_store.cuh"
#include "cuda/sm90/multiply.cuh"

namespace cce::cuda::sm90 {

// What a block sums of a tile: steps [first_step, first_step + steps), in split `split` of all.
struct TilePart {
    int32_t split;
    int32_t first_step;
    int32_t steps;
};

// Tiles of a product in the order in which blocks take them: those that run at the same time share rows and columns.
struct GradientTiles {
    int32_t across;  // tiles along the columns
    int32_t count;
    int32_t steps;   // of the sum of each

    __device__ static GradientTiles of(int64_t lines, int64_t columns, int32_t steps) {
        const auto across = static_cast<int32_t>((columns + kTileClasses - 1) / kTileClasses);
        return {across, across * static_cast<int32_t>((lines + kTileRows - 1) / kTileRows), steps};
    }

    __device__ int32_t first_line(int32_t tile) const { return tile / across * kTileRows; }
    __device__ int32_t first_column(int32_t tile) const { return tile % across * kTileClasses; }

    // Calls f(first line, first column, part) for the tiles of this block.
    template <typename F>
    __device__ void for_each(F f) const {
        for (int32_t tile = blockIdx.x; tile < count; tile += gridDim.x)
            f(first_line(tile), first_column(tile), TilePart{0, 0, steps});
    }
};

// The same where blocks may outnumber tiles: several share one, each with a part of the steps.
struct SplitTiles : GradientTiles {
    int32_t splits;

    template <typename F>
    __device__ void for_each(F f) const {
        const int32_t each = (steps + splits - 1) / splits;
        for (int32_t item = blockIdx.x; item < count * splits; item += gridDim.x) {
            const int32_t tile = item % count;
            const int32_t first = Minimum()(item / count * each, steps);
            f(first_line(tile), first_column(tile),
              TilePart{item / count, first, Minimum()(each, steps - first)});
        }
    }
};

// Stores this thread's part of a tile, of the product with a scaled dz; lines from `lines` on do not exist.
template <typename Out>
__device__ void store_tile(const GradientStore &to, const float (&x)[kProducts][kProductSums], int32_t first_line,
                           int32_t lines, int32_t first_column, int32_t group) {
    const float initial = to.control->initial;
    const float inverse_scale = to.control->inverse_dz_scale;
    const auto width = static_cast<int32_t>(to.width);
#pragma unroll
    for (int p = 0; p < kProducts; ++p)
#pragma unroll
        for (int u = 0; u < 2; ++u) {
            const int32_t line = first_line + tile_row(group, p, u);
            if (line >= lines) continue;
            const int64_t row = to.rows == nullptr ? line : to.rows[line];
            Out *out = static_cast<Out *>(to.array) + row * width + first_column;
            // Several loads on their way at a time: a store might change what the next one reads, for all the compiler
            // knows.
            constexpr int kAtOnce = 8;
            static_assert(kPairs % kAtOnce == 0);
#pragma unroll
            for (int begin = 0; begin < kPairs; begin += kAtOnce) {
                float2 before[kAtOnce];
#pragma unroll
                for (int k = 0; k < kAtOnce; ++k) {
                    const int32_t column = pair_column(begin + k);
                    const bool adds = to.add && first_column + column < width;
                    before[k] = adds ? load_pair(out + column) : float2{0.0f, 0.0f};
                }
#pragma unroll
                for (int k = 0; k < kAtOnce; ++k) {
                    const int32_t column = pair_column(begin + k);
                    const float *sums = &x[p][4 * (begin + k) + 2 * u];
                    if (first_column + column < width)
                        store_pair(out + column, before[k].x + initial + sums[0] * inverse_scale,
                                   before[k].y + initial + sums[1] * inverse_scale);
                }
            }
        }
}

template <typename T>
__device__ void store_tile_as(const GradientStore &to, const float (&x)[kProducts][kProductSums], int32_t first_line,
                              int32_t lines, int32_t first_column, int32_t group) {
    if (to.dtype == CCE_F32)
        store_tile<float>(to, x, first_line, lines, first_column, group);
    else
        store_tile<T>(to, x, first_line, lines, first_column, group);
}

// Where all splits go if there is one.
struct OneStore {
    const GradientStore &store;

    __device__ const GradientStore &operator()(int32_t) const { return store; }
};

// The consumers' part: a stage for each step of a tile, none of them if there is nothing to sum. store_of(split): where
// it goes.
template <typename T, Lies kA, typename Tiles, typename StoreOf>
__device__ void consume_gradient(Shared &shared, const Tiles &tiles, int32_t lines, int32_t group, bool gathered,
                                 StoreOf store_of) {
    Ring ring;
    tiles.for_each([&](int32_t line, int32_t column, const TilePart &part) {
        float x[kProducts][kProductSums];
        if (part.steps > 0) {
            multiply<T, kA, Lies::kAcross>(x, shared, ring, group, part.steps, gathered);
        } else {
#pragma unroll
            for (int p = 0; p < kProducts; ++p)
#pragma unroll
                for (int i = 0; i < kProductSums; ++i) x[p][i] = 0.0f;
        }
        store_tile_as<T>(store_of(part.split), x, line, lines, column, group);
    });
}

// Fetches the 64 rows x 192 columns of a row-major matrix that a tile is multiplied with. In boxes of 64 x 64.
__device__ inline void fetch_across(Shared &shared, const Ring &ring, const CUtensorMap &matrix, int32_t row,
                                    int32_t column) {
#pragma unroll
    for (int b = 0; b < kTileClasses / 64; ++b)
        copy_box(shared.classes[ring.stage] + b * kBlockBytes, matrix, row, column + 64 * b, &shared.full[ring.stage]);
}

}  // namespace cce::cuda::sm90
