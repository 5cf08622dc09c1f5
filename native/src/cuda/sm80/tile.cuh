// A tile of dot products on the tensor cores: 128 positions x kClasses classes by 8 warps, 64 positions and a quarter
// of the classes a warp, float32 sums. The dimension of the embeddings goes by in steps of 128 bytes of each row, of
// which several are on their way to shared memory while one is multiplied. A row of a step takes all banks of shared
// memory; its 16-byte chunks are exchanged by the low bits of the row number, so that the eight rows of a matrix that
// one instruction reads, the same chunk of each, lie in different banks. Elements are of 16 bits, or float32,
// rounded to TF32 in registers: both kinds take the same bytes of a row to the same registers.
#pragma once

#include <type_traits>

#include "cuda/forward/logits.cuh"
#include "cuda/opaque.cuh"
#include "cuda/sm80/ptx.cuh"

namespace cce::cuda::sm80 {

constexpr int kRowTile = 128;
constexpr int kTileThreads = 256;
constexpr int kWarpsAcross = 4;                  // along the classes; 2 along the positions
constexpr int kWarpRows = 64;                    // positions of a warp
constexpr int kRowBlocks = kWarpRows / 16;       // instructions of 16 positions
constexpr int kRowBytes = 128;
constexpr int kChunkBytes = 16;
constexpr int kChunks = kRowBytes / kChunkBytes;
constexpr int kSubsteps = kChunks / 2;           // an instruction takes two chunks of each row
static_assert(kChunks == 8, "the swizzle is made for rows of 8 chunks");

__device__ inline int warp_of() { return static_cast<int>(threadIdx.x) / 32; }
__device__ inline int lane_of() { return static_cast<int>(threadIdx.x) % 32; }

// What depends on the number of classes of a tile.
template <int kClasses>
struct Across {
    static constexpr int kWarpClasses = kClasses / kWarpsAcross;
    static constexpr int kBlocks = kWarpClasses / 8;  // instructions of 8 classes
    static constexpr int kStageBytes = (kRowTile + kClasses) * kRowBytes;
    static_assert(kBlocks % 2 == 0 && kBlocks * 8 == kWarpClasses, "classes are read 16 at a time");

    __device__ static int class_of(int n, int v) {
        return warp_of() % kWarpsAcross * kWarpClasses + n * 8 + lane_of() % 4 * 2 + v;
    }

    // 2 * n + v of a class, or -1 where it is not this thread's.
    __device__ static int index_of(int c) {
        const int own = c - warp_of() % kWarpsAcross * kWarpClasses;
        return own >= 0 && own < kWarpClasses && own % 8 / 2 == lane_of() % 4 ? own / 8 * 2 + own % 2 : -1;
    }
};

// A thread's sums: element 2 * u + v of [m][n] belongs to tile_row(m, u) and class_of(n, v).
template <int kClasses>
using TileSums = float[kRowBlocks][Across<kClasses>::kBlocks][4];

__device__ inline int tile_row(int m, int u) {
    return warp_of() / kWarpsAcross * kWarpRows + m * 16 + u * 8 + lane_of() / 4;
}

template <typename T>
__device__ int32_t row_bytes_of(const Logits &logits) {
    return static_cast<int32_t>(logits.hidden) * static_cast<int32_t>(sizeof(T));
}

// Where the steps of a run come from. All threads of a block load: each one chunk of every 32nd row. In place of a row
// that does not exist comes one that does: nobody looks at its sums. Rows that do not begin at multiples of 16 bytes
// are copied element by element.
template <typename T, int kClasses, bool kAligned = true>
class Loader {
public:
    // `rows`: in shared memory, the row of E of each position.
    __device__ Loader(const Logits &logits, const char *const *rows, int32_t first_class_tile, int32_t end_class_tile)
        : rows_(rows + line()), row_bytes_(row_bytes_of<T>(logits)), at_(chunk() * kChunkBytes),
          classes_(logits.classes), tile_(first_class_tile), end_tile_(end_class_tile) {
        classifier_ = static_cast<const char *>(logits.classifier) +
                      static_cast<int64_t>(first_class_tile) * kClasses * row_bytes_;
        find_last_class();
    }

    // Of a tile.
    __device__ int32_t steps() const { return (row_bytes_ + kRowBytes - 1) / kRowBytes; }

    // Loads a part of the next step into `stage`: part 0, 1, 2 in this order, then advance(). Beyond the end of the
    // rows, and after the last step, come zeros: a branch would keep the compiler from mixing copies with
    // multiplications.
    template <int kPart>
    __device__ void load(uint32_t stage) const {
        const bool inside = at_ < row_bytes_;
        const int32_t from = inside ? at_ : 0;
        const int32_t row_bytes = opaque(row_bytes_);  // the multiples of it would take 16 registers
        const uint32_t to = stage + line() * kRowBytes + ((chunk() ^ (line() % kChunks)) * kChunkBytes);
#pragma unroll
        for (int i = kPartCopies * kPart; i < (kPart == 2 ? kCopies : kPartCopies * (kPart + 1)); ++i) {
            const char *const row =
                i < kRowCopies ? rows_[i * kLines]
                               : classifier_ + static_cast<int64_t>(class_row(i - kRowCopies)) * row_bytes;
            if constexpr (kAligned)
                copy_async(to + i * kLines * kRowBytes, row + from, inside);
            else
                copy_elements<T>(to + i * kLines * kRowBytes, row + from, inside ? row_bytes - from : 0);
        }
    }

    // Ends the group of copies.
    __device__ void advance() {
        commit_copies();
        at_ += kRowBytes;
        if (at_ - chunk() * kChunkBytes < row_bytes_ || ++tile_ >= end_tile_) return;
        at_ = chunk() * kChunkBytes;
        classifier_ += static_cast<int64_t>(kClasses) * row_bytes_;
        find_last_class();
    }

private:
    static constexpr int kLines = kTileThreads / kChunks;  // rows that the block loads at once
    static constexpr int kRowCopies = kRowTile / kLines;   // of a thread; those of classes follow
    static constexpr int kCopies = kRowCopies + kClasses / kLines;
    static constexpr int kPartCopies = 3;                  // of parts 0 and 1; the last one has the rest

    __device__ static int line() { return static_cast<int>(threadIdx.x) / kChunks; }
    __device__ static int chunk() { return static_cast<int>(threadIdx.x) % kChunks; }

    __device__ void find_last_class() {
        const int64_t left = classes_ - static_cast<int64_t>(tile_) * kClasses;
        last_class_ = static_cast<int32_t>(left < kClasses ? left : kClasses) - 1;
    }

    __device__ int32_t class_row(int i) const {
        const int32_t row = line() + i * kLines;
        return row < last_class_ ? row : last_class_;
    }

    const char *const *rows_;  // from this thread's first row on
    const char *classifier_;   // first row of the tile
    int32_t row_bytes_;
    int32_t at_;               // bytes into the rows
    int64_t classes_;
    int32_t last_class_;       // of the tile
    int32_t tile_;
    int32_t end_tile_;
};

// Where a thread's rows of matrices lie in a stage. The substep exchanges chunks.
template <int kClasses>
struct FragmentRows {
    uint32_t rows;
    uint32_t classes;

    __device__ static FragmentRows of_thread() {
        const int lane = lane_of();
        const int row = warp_of() / kWarpsAcross * kWarpRows + lane % 16;
        const int column =
            kRowTile + warp_of() % kWarpsAcross * Across<kClasses>::kWarpClasses + lane % 8 + lane / 16 * 8;
        return {static_cast<uint32_t>(row * kRowBytes + (lane / 16 ^ lane % 8) * kChunkBytes),
                static_cast<uint32_t>(column * kRowBytes + (lane / 8 % 2 ^ lane % 8) * kChunkBytes)};
    }
};

// One substep of both operands, as multiply_add takes them.
template <typename T, int kClasses>
struct Fragments {
    uint32_t rows[kRowBlocks][4];
    uint32_t classes[Across<kClasses>::kBlocks / 2][4];

    __device__ void load(const FragmentRows<kClasses> &from, uint32_t stage, int substep) {
        const uint32_t row = (stage + from.rows) ^ (substep * 2 * kChunkBytes);
        const uint32_t column = (stage + from.classes) ^ (substep * 2 * kChunkBytes);
#pragma unroll
        for (int m = 0; m < kRowBlocks; ++m) load_matrices(rows[m], row + m * 16 * kRowBytes);
#pragma unroll
        for (int n = 0; n < Across<kClasses>::kBlocks / 2; ++n) load_matrices(classes[n], column + n * 16 * kRowBytes);
    }

    // Not as part of load(), which would then wait for shared memory.
    __device__ void round() {
        if constexpr (std::is_same_v<T, float>) {
#pragma unroll
            for (int m = 0; m < kRowBlocks; ++m) round_to_tf32(rows[m]);
#pragma unroll
            for (int n = 0; n < Across<kClasses>::kBlocks / 2; ++n) round_to_tf32(classes[n]);
        }
    }
};

template <typename T, int kClasses>
__device__ void multiply_add(TileSums<kClasses> &sums, Fragments<T, kClasses> &of) {
    of.round();
#pragma unroll
    for (int n = 0; n < Across<kClasses>::kBlocks; ++n)
#pragma unroll
        for (int m = 0; m < kRowBlocks; ++m)
            multiply_add(sums[m][n], of.rows[m], of.classes[n / 2][n % 2 * 2], of.classes[n / 2][n % 2 * 2 + 1], T{});
}

// The pipeline of a run: the stages in shared memory, and the fragments that the next multiplication takes. While one
// stage is read, the others are loaded or wait.
template <typename T, int kClasses, int kStages, bool kAligned = true>
class Pipeline {
public:
    using Sums = TileSums<kClasses>;

    // Begins to load. The whole block must call it and everything else; `shared` must be free, and begin at a multiple
    // of kRowBytes.
    __device__ Pipeline(uint32_t shared, const Loader<T, kClasses, kAligned> &loader)
        : shared_(shared), loader_(loader), loading_(shared), reading_(shared),
          rows_(FragmentRows<kClasses>::of_thread()) {
#pragma unroll
        for (int stage = 0; stage < kStages - 1; ++stage) {
            loader_.template load<0>(loading_);
            loader_.template load<1>(loading_);
            loader_.template load<2>(loading_);
            loader_.advance();
            loading_ += kStageBytes;
        }
    }

    // Once, before the first multiply().
    __device__ void begin() {
        wait();
        fragments_[0].load(rows_, reading_, 0);
    }

    // The sums of the next class tile.
    __device__ void multiply(Sums &sums) {
#pragma unroll
        for (int m = 0; m < kRowBlocks; ++m)
#pragma unroll
            for (int n = 0; n < Across<kClasses>::kBlocks; ++n)
#pragma unroll
                for (int k = 0; k < 4; ++k) sums[m][n][k] = 0.0f;
#pragma unroll 1
        for (int32_t step = loader_.steps(); step > 0; --step) {
            fragments_[1].load(rows_, reading_, 1);
            loader_.template load<0>(loading_);
            multiply_add<T, kClasses>(sums, fragments_[0]);
            fragments_[0].load(rows_, reading_, 2);
            loader_.template load<1>(loading_);
            multiply_add<T, kClasses>(sums, fragments_[1]);
            fragments_[1].load(rows_, reading_, 3);
            loader_.template load<2>(loading_);
            loader_.advance();
            multiply_add<T, kClasses>(sums, fragments_[0]);
            // The last read of this stage is done, and what comes next is there.
            wait();
            loading_ = reading_;
            reading_ = next(reading_);
            fragments_[0].load(rows_, reading_, 0);
            multiply_add<T, kClasses>(sums, fragments_[1]);
        }
    }

    // Leaves shared memory free.
    __device__ void drain() const {
        wait_copies<0>();
        __syncthreads();
    }

private:
    static constexpr int kStageBytes = Across<kClasses>::kStageBytes;
    static_assert(kSubsteps == 4, "multiply() has four");

    __device__ uint32_t next(uint32_t stage) const {
        return stage == shared_ + (kStages - 1) * kStageBytes ? shared_ : stage + kStageBytes;
    }

    // For the oldest of the stages that are being loaded, in all threads.
    __device__ void wait() const {
        wait_copies<kStages - 2>();
        __syncthreads();
    }

    uint32_t shared_;
    Loader<T, kClasses, kAligned> loader_;
    uint32_t loading_;  // the stage that the next step goes to
    uint32_t reading_;
    FragmentRows<kClasses> rows_;
    Fragments<T, kClasses> fragments_[2];
};

}  // namespace cce::cuda::sm80
