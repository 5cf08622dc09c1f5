// The logits of units by wgmma: both warpgroups load, each multiplies 64 positions with the 192
// classes. The stages lie as those of sm80, which is the swizzle that wgmma reads too.
//
// Instances: bf16 and fp16. Rows that are not aligned go to sm80.
#include "cuda/filtered/units_kernel.cuh"
#include "cuda/sm80/family.h"
#include "cuda/sm80/tile.cuh"
#include "cuda/sm90/copy.cuh"
#include "cuda/sm90/family.h"
#include "cuda/sm90/wgmma.cuh"

namespace cce::cuda::sm90 {
namespace {

static_assert(filtered::kTileClasses == kTileClasses && filtered::kUnitRows == 2 * kProductRows);
static_assert(sm80::kRowBytes == kRowBytes, "a step of sm80 is a step here");

template <typename T>
class UnitProduct {
public:
    using Element = T;
    using Sums = float[kProductSums];
    static constexpr int kStages = 5;
    static constexpr int kStageBytes = sm80::Across<kTileClasses>::kStageBytes;
    static constexpr int kRows = 2;
    static constexpr int kClasses = kProductSums / 2;
    static_assert(kStageBytes % 1024 == 0, "the swizzle repeats every 1024 bytes");
    static_assert(filtered::kSwizzleBytes + filtered::kUnitBytes + kStages * kStageBytes <= 227 * 1024,
                  "with static shared memory, which takes less than kSwizzleBytes");

    __device__ static int slot_of(int r) {
        return warpgroup() * kProductRows + thread() / kWarp * 16 + r * 8 + thread() % kWarp / 4;
    }
    __device__ static int class_of(int n) { return n / 2 * 8 + thread() % 4 * 2 + n % 2; }
    __device__ static float &value(Sums &sums, int r, int n) { return sums[n / 2 * 4 + r * 2 + n % 2]; }

    __device__ UnitProduct(char *shared, const Logits &logits, const char *const *rows, int32_t tile)
        : stages_(shared), loader_(logits, rows, tile, tile + 1) {
#pragma unroll 1
        for (int32_t step = 0; step < kOnTheirWay; ++step) load(step);
    }

    __device__ void multiply(Sums &sums) {
        const int32_t steps = loader_.steps();
#pragma unroll 1
        for (int32_t step = 0; step < steps; ++step) {
            sm80::wait_copies<kOnTheirWay - 1>();
            fence_for_wgmma();
            wait_for_products<1>();
            __syncthreads();
            const char *stage = stages_ + step % kStages * kStageBytes;
            const uint64_t a = operand<Lies::kAlong>(stage + warpgroup() * kProductRows * kRowBytes);
            const uint64_t b = operand<Lies::kAlong>(stage + filtered::kUnitRows * kRowBytes);
            begin_products();
#pragma unroll
            for (int depth = 0; depth < kStep / kProductDepth; ++depth)
                product<Lies::kAlong, Lies::kAlong>(T(), sums, advance<Lies::kAlong>(a, depth),
                                                    advance<Lies::kAlong>(b, depth), step | depth);
            commit_products();
            load(step + kOnTheirWay);
        }
        sm80::wait_copies<0>();
        wait_for_products<0>();
        __syncthreads();
    }

private:
    // Of the other stages one is multiplied, and one perhaps still by the other warpgroup.
    static constexpr int kOnTheirWay = kStages - 2;

    __device__ static int thread() { return static_cast<int>(threadIdx.x) % kWarpgroup; }
    __device__ static int warpgroup() { return static_cast<int>(threadIdx.x) / kWarpgroup; }

    __device__ void load(int32_t step) {
        const uint32_t stage = shared_address(stages_) + step % kStages * kStageBytes;
        loader_.template load<0>(stage);
        loader_.template load<1>(stage);
        loader_.template load<2>(stage);
        loader_.advance();
    }

    char *stages_;
    sm80::Loader<T, kTileClasses> loader_;
};

}  // namespace

int32_t filtered_units(const Problem &p, const filtered::Work &work, cudaStream_t stream) {
    if (!filtered::is_aligned(p, work)) return sm80::filtered_units(p, work, stream);
    return with_half(p.spec.dtype, [&](auto scalar) {
        return filtered::launch_units<UnitProduct<decltype(scalar)>>(p, work, stream);
    });
}

}  // namespace cce::cuda::sm90
