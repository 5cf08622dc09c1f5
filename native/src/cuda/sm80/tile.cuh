// A tile of dot products on the tensor cores: 128 positions x 256 classes by 8 warps, 64 x 64 of them a warp, float32
// sums. The dimension of the embeddings goes by in steps of 64 elements, of which several are on their way to shared
// memory while one is multiplied. A row of a step is 128 bytes, all banks of shared memory; its 16-byte chunks are
// exchanged by the low bits of the row number, so that the eight rows of a matrix that one instruction reads, the same
// chunk of each, lie in different banks.
#pragma once

#include "cuda/forward/logits.cuh"
#include "cuda/sm80/ptx.cuh"

namespace cce::cuda::sm80 {

constexpr int kRowTile = 128;
constexpr int kClassTile = 256;
constexpr int kDepth = 64;
constexpr int kTileThreads = 256;
constexpr int kWarpsAcross = 4;                  // along the classes; 2 along the positions
constexpr int kWarpTile = 64;                    // positions and classes of a warp
constexpr int kRowBlocks = kWarpTile / 16;       // instructions of 16 positions
constexpr int kClassBlocks = kWarpTile / 8;      // instructions of 8 classes
constexpr int kSubsteps = kDepth / 16;           // instructions of 16 elements
constexpr int kRowBytes = kDepth * 2;
constexpr int kChunkBytes = 16;
constexpr int kChunks = kRowBytes / kChunkBytes;
constexpr int kStageBytes = (kRowTile + kClassTile) * kRowBytes;
constexpr int kMostStages = 4;
static_assert(kRowBytes == 128 && kChunks == 8, "the swizzle is made for rows of 8 chunks");

// A thread's sums: element 2 * u + v of [m][n] belongs to tile_row(m, u) and tile_class(n, v).
using Sums = float[kRowBlocks][kClassBlocks][4];

__device__ inline int warp_of() { return static_cast<int>(threadIdx.x) / 32; }
__device__ inline int lane_of() { return static_cast<int>(threadIdx.x) % 32; }
__device__ inline int tile_row(int m, int u) {
    return warp_of() / kWarpsAcross * kWarpTile + m * 16 + u * 8 + lane_of() / 4;
}
__device__ inline int tile_class(int n, int v) {
    return warp_of() % kWarpsAcross * kWarpTile + n * 8 + lane_of() % 4 * 2 + v;
}

// Where the steps of a run come from. All threads of a block load: each one chunk of every 32nd row.
class Loader {
public:
    // `tokens`: in shared memory, the row of E of each position; negative for a position that does not exist.
    __device__ Loader(const Logits &logits, const int32_t *tokens, int32_t first_class_tile, int32_t end_class_tile)
        : embeddings_(static_cast<const char *>(logits.embeddings)), tokens_(tokens),
          row_bytes_(static_cast<int32_t>(logits.hidden) * 2), classes_(logits.classes), tile_(first_class_tile),
          end_tile_(end_class_tile) {
        const int64_t first_class = static_cast<int64_t>(first_class_tile) * kClassTile + line();
        classifier_ = static_cast<const char *>(logits.classifier) + first_class * row_bytes_;
        count_classes();
    }

    // Of a tile.
    __device__ int32_t steps() const { return (row_bytes_ + kRowBytes - 1) / kRowBytes; }

    // Loads a third of the next step into `stage`: part 0, 1, 2 in this order, then advance(). What it loads after the
    // last step is not used: a branch would keep the compiler from mixing copies with multiplications.
    template <int kPart>
    __device__ void load(uint32_t stage) const {
        const bool inside = at_ + chunk() * kChunkBytes < row_bytes_;
        const int32_t from = inside ? at_ + chunk() * kChunkBytes : 0;
        const uint32_t to = stage + line() * kRowBytes + ((chunk() ^ (line() % kChunks)) * kChunkBytes);
#pragma unroll
        for (int i = 0; i < 4; ++i) {
            if (kPart == 0) {
                const int32_t token = tokens_[line() + i * kLines];
                const char *row = embeddings_ + static_cast<int64_t>(token < 0 ? 0 : token) * row_bytes_;
                copy_async(to + i * kLines * kRowBytes, row + from, inside && token >= 0);
            } else {
                const int block = i + (kPart - 1) * 4;
                const bool exists = line() + block * kLines < classes_of_tile_;
                const char *row = classifier_ + static_cast<int64_t>(block * kLines) * row_bytes_ + from;
                copy_async(to + (kRowTile + block * kLines) * kRowBytes, exists ? row : embeddings_, inside && exists);
            }
        }
    }

    // Ends the group of copies.
    __device__ void advance() {
        commit_copies();
        at_ += kRowBytes;
        if (at_ < row_bytes_) return;
        at_ = 0;
        ++tile_;
        classifier_ += static_cast<int64_t>(kClassTile) * row_bytes_;
        count_classes();
    }

private:
    static constexpr int kLines = kTileThreads / kChunks;  // rows that the block loads at once
    static_assert(kRowTile == 4 * kLines && kClassTile == 8 * kLines, "4 and 8 rows of a thread");

    __device__ static int line() { return static_cast<int>(threadIdx.x) / kChunks; }
    __device__ static int chunk() { return static_cast<int>(threadIdx.x) % kChunks; }

    __device__ void count_classes() {
        const int64_t left = tile_ < end_tile_ ? classes_ - static_cast<int64_t>(tile_) * kClassTile : 0;
        classes_of_tile_ = left < kClassTile ? static_cast<int32_t>(left) : kClassTile;
    }

    const char *embeddings_;
    const int32_t *tokens_;
    const char *classifier_;   // this thread's first row of the tile
    int32_t row_bytes_;
    int32_t at_ = 0;           // bytes into the rows
    int64_t classes_;
    int32_t classes_of_tile_;  // that exist; none after the last tile
    int32_t tile_;
    int32_t end_tile_;
};

// One substep of both operands, as multiply_add takes them.
struct Fragments {
    uint32_t rows[kRowBlocks][4];
    uint32_t classes[kClassBlocks / 2][4];

    __device__ void load(uint32_t stage, int substep) {
        const int lane = lane_of();
        const int row = warp_of() / kWarpsAcross * kWarpTile + lane % 16;
        const int column = kRowTile + warp_of() % kWarpsAcross * kWarpTile + lane % 8 + lane / 16 * 8;
        const uint32_t row_chunk = (lane / 16 ^ lane % 8 ^ substep * 2) * kChunkBytes;
        const uint32_t column_chunk = (lane / 8 % 2 ^ lane % 8 ^ substep * 2) * kChunkBytes;
#pragma unroll
        for (int m = 0; m < kRowBlocks; ++m)
            load_matrices(rows[m], stage + (row + m * 16) * kRowBytes + row_chunk);
#pragma unroll
        for (int n = 0; n < kClassBlocks / 2; ++n)
            load_matrices(classes[n], stage + (column + n * 16) * kRowBytes + column_chunk);
    }
};

template <typename T>
__device__ void multiply_add(Sums &sums, const Fragments &of) {
#pragma unroll
    for (int m = 0; m < kRowBlocks; ++m)
#pragma unroll
        for (int n = 0; n < kClassBlocks; ++n)
            multiply_add(sums[m][n], of.rows[m], of.classes[n / 2][n % 2 * 2], of.classes[n / 2][n % 2 * 2 + 1], T{});
}

// The pipeline of a run: the stages in shared memory, and the fragments that the next multiplication takes.
template <typename T>
class Pipeline {
public:
    // Starts loading. The whole block must call it and everything else; `shared` must be free.
    __device__ Pipeline(uint32_t shared, int stages, const Loader &loader)
        : shared_(shared), stages_(stages), loader_(loader), loading_(shared) {
        for (int stage = 0; stage < stages - 1; ++stage) {
            loader_.template load<0>(loading_);
            loader_.template load<1>(loading_);
            loader_.template load<2>(loading_);
            loader_.advance();
            loading_ = next(loading_);
        }
        wait();
        reading_ = shared_;
        fragments_[0].load(reading_, 0);
    }

    // The sums of the next class tile.
    __device__ void multiply(Sums &sums) {
#pragma unroll
        for (int m = 0; m < kRowBlocks; ++m)
#pragma unroll
            for (int n = 0; n < kClassBlocks; ++n)
#pragma unroll
                for (int k = 0; k < 4; ++k) sums[m][n][k] = 0.0f;
        for (int32_t step = loader_.steps(); step > 0; --step) {
            fragments_[1].load(reading_, 1);
            loader_.template load<0>(loading_);
            multiply_add<T>(sums, fragments_[0]);
            fragments_[0].load(reading_, 2);
            loader_.template load<1>(loading_);
            multiply_add<T>(sums, fragments_[1]);
            fragments_[1].load(reading_, 3);
            loader_.template load<2>(loading_);
            loader_.advance();
            loading_ = next(loading_);
            multiply_add<T>(sums, fragments_[0]);
            // The last read of this stage is done, and what comes next is there.
            wait();
            reading_ = next(reading_);
            fragments_[0].load(reading_, 0);
            multiply_add<T>(sums, fragments_[1]);
        }
    }

    // Leaves shared memory free.
    __device__ void drain() const {
        wait_copies<0>();
        __syncthreads();
    }

private:
    static_assert(kSubsteps == 4, "multiply() has four");

    __device__ uint32_t next(uint32_t stage) const {
        return stage + kStageBytes == shared_ + stages_ * kStageBytes ? shared_ : stage + kStageBytes;
    }

    // For the oldest of the stages that are being loaded, in all threads.
    __device__ void wait() const {
        if (stages_ == 2)
            wait_copies<0>();
        else if (stages_ == 3)
            wait_copies<1>();
        else
            wait_copies<2>();
        __syncthreads();
    }
    static_assert(kMostStages == 4, "wait() knows 2 to 4 stages");

    uint32_t shared_;
    int stages_;
    Loader loader_;
    uint32_t loading_;  // the stage that the next step goes to
    uint32_t reading_;
    Fragments fragments_[2];
};

}  // namespace cce::cuda::sm80
