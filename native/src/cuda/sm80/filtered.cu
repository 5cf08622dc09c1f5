// Filtered gradients with the logits of units by mma.sync.
//
// Instances: bf16 and fp16; of the units with 3 or 4 stages, as many as fit, and for rows that are not aligned; of the
// windows with 3, for rows that are aligned or not.
#include "cuda/filtered/units_kernel.cuh"
#include "cuda/filtered/windows_kernel.cuh"
#include "cuda/sm80/family.h"
#include "cuda/sm80/tile.cuh"

namespace cce::cuda::sm80 {
namespace {

using filtered::kTileClasses;

static_assert(kRowTile == filtered::kUnitRows && kTileThreads == filtered::kBlockThreads, "a unit is a tile");

template <typename T, int stages, bool kAligned>
class UnitProduct {
public:
    using Element = T;
    using Classes = Across<kTileClasses>;
    using Sums = TileSums<kTileClasses>;
    static constexpr int kStages = stages;
    static constexpr int kStageBytes = Classes::kStageBytes;
    static constexpr int kRows = 2 * kRowBlocks;
    static constexpr int kClasses = 2 * Classes::kBlocks;

    __device__ static int slot_of(int r) { return tile_row(r / 2, r % 2); }
    __device__ static int class_of(int n) { return Classes::class_of(n / 2, n % 2); }
    __device__ static int index_of(int c) { return Classes::index_of(c); }
    __device__ static float &value(Sums &sums, int r, int n) { return sums[r / 2][n / 2][r % 2 * 2 + n % 2]; }

    __device__ UnitProduct(char *shared, const Logits &logits, const char *const *rows, int32_t tile)
        : pipeline_(shared_address(shared), Loader<T, kTileClasses, kAligned>(logits, rows, tile, tile + 1)) {}

    __device__ void multiply(Sums &sums) {
        pipeline_.begin();
        pipeline_.multiply(sums);
        pipeline_.drain();
    }

private:
    Pipeline<T, kTileClasses, kStages, kAligned> pipeline_;
};

constexpr int kFewStages = 3;
constexpr int kManyStages = 4;
constexpr int32_t stage_bytes(int stages) { return stages * Across<kTileClasses>::kStageBytes; }

}  // namespace

bool can_filter(const DeviceTraits &device) {
    return device.shared_bytes >= filtered::windows_bytes(stage_bytes(kFewStages));
}

int32_t filtered_units(const Problem &p, const filtered::Work &work, cudaStream_t stream) {
    const bool many = traits_of(p.spec.device).shared_bytes >= filtered::kUnitBytes + stage_bytes(kManyStages);
    return with_half(p.spec.dtype, [&](auto scalar) {
        using T = decltype(scalar);
        if (!filtered::is_aligned(p, work))
            return filtered::launch_units<UnitProduct<T, kFewStages, false>>(p, work, stream);
        if (!many) return filtered::launch_units<UnitProduct<T, kFewStages, true>>(p, work, stream);
        return filtered::launch_units<UnitProduct<T, kManyStages, true>>(p, work, stream);
    });
}

int32_t filtered_windows(const Problem &p, const filtered::Work &work, cudaStream_t stream) {
    return with_half(p.spec.dtype, [&](auto scalar) {
        using T = decltype(scalar);
        if (!filtered::is_aligned(p, work))
            return filtered::launch_windows<UnitProduct<T, kFewStages, false>, false>(p, work, stream);
        return filtered::launch_windows<UnitProduct<T, kFewStages, true>, true>(p, work, stream);
    });
}

}  // namespace cce::cuda::sm80
