// The gradient of logits that forward kept, at the memory's speed: 2 bytes in and 2 out. A thread has 8 neighbouring
// classes of a position in each of a few tiles, all of which it asks for at once.
#include "cuda/forward/kept_logits.cuh"

#include "cuda/backward/dz_element.cuh"
#include "cuda/check.h"
#include "cuda/fast_math.cuh"
#include "cuda/reduce.cuh"

namespace cce::cuda {
namespace {

constexpr int kColumns = 8;  // 16 bytes
constexpr int kRowThreads = kKeptTileClasses / kColumns;
constexpr int kRowsAtOnce = 8;
constexpr int kTilesAtOnce = 4;
constexpr int kBlockThreads = kRowsAtOnce * kRowThreads;
constexpr int kDzRows = 256;  // of which the products add up whole tiles: those that do not exist are 0

struct KeptDzWork {
    KeptLogits kept;
    DzInputs inputs;
    Block block;
    LogitMap map;
    __nv_bfloat16 *dz;
};

// The code of column v of a thread, as a float: conversions have few units, so the code takes the place of the last
// bits of 2^23.
__device__ float code_of(const uint4 &codes, int v) {
    const uint32_t pairs[] = {codes.x, codes.y, codes.z, codes.w};
    constexpr float kUnits = 0x1p23f;
    const uint32_t selector = v % 2 == 0 ? 0x7610 : 0x7632;
    return __uint_as_float(__byte_perm(pairs[v / 2], __float_as_uint(kUnits), selector)) - kUnits;
}

// A position in a tile.
template <bool kCapped>
struct KeptRow {
    const KeptDzWork &work;
    const RowGradient &gradient;
    float max;

    // Of a class that is not the target. The last code of logits without a softcap is a probability of 0, whatever the
    // largest one.
    __device__ float dz(float code) const {
        const float step = work.kept.step;
        if (kCapped) {
            const float p = fast_exp2(fmaf(code, -step * kLog2E, (max - gradient.lse) * kLog2E));
            return p * gradient.softmax * work.map.slope(fmaf(code, -step, max));
        }
        const float power = code == static_cast<float>(KeptLogits::kLastCode) ? -INFINITY : code * (-step * kLog2E);
        return fast_exp2(power + (max - gradient.lse) * kLog2E) * (gradient.softmax * work.map.inverse_temperature);
    }

    __device__ float dz_of_target(float code) const {
        const float z = fmaf(code, -work.kept.step, max);
        const float p = fast_exp2((z - gradient.lse) * kLog2E);
        return DzElement::of(gradient, p, true, 0.0f, work.map.slope(z)).filtered(0.0f);
    }
};

// The columns of a thread, as if there were no target.
template <bool kCapped>
__device__ uint4 dz_of(const KeptRow<kCapped> &row, const uint4 &codes, int64_t columns) {
    float dz[kColumns];
#pragma unroll
    for (int column = 0; column < kColumns; ++column) dz[column] = row.dz(code_of(codes, column));
    if (columns < kColumns) {
#pragma unroll
        for (int column = 0; column < kColumns; ++column)
            if (column >= columns) dz[column] = 0.0f;
    }
    uint4 result;
    uint32_t *pairs[] = {&result.x, &result.y, &result.z, &result.w};
#pragma unroll
    for (int pair = 0; pair < kColumns / 2; ++pair)
        *pairs[pair] = pair_from_floats<__nv_bfloat16>(dz[2 * pair], dz[2 * pair + 1]);
    return result;
}

template <bool kCapped>
__global__ void __launch_bounds__(kBlockThreads)
kept_dz_kernel(const __grid_constant__ KeptDzWork work) {
    const Block &block = work.block;
    const BackwardControl &control = *work.inputs.control;
    if (control.kept_classes < block.first_class + block.classes) return;
    const auto row_groups = static_cast<uint32_t>(div_up(block.rows, kRowsAtOnce));
    const int64_t row = int64_t{blockIdx.x % row_groups} * kRowsAtOnce + threadIdx.x / kRowThreads;
    const int64_t valid = control.valid - block.first_row;
    if (row >= block.rows || row >= div_up(valid, kDzRows) * kDzRows) return;
    const bool exists = row < valid;
    const int64_t first_column =
        blockIdx.x / row_groups * (kTilesAtOnce * kKeptTileClasses) + threadIdx.x % kRowThreads * kColumns;
    const int64_t first_tile = (block.first_class + first_column) / kKeptTileClasses;
    uint4 codes[kTilesAtOnce];
    float maxima[kTilesAtOnce];
#pragma unroll
    for (int tile = 0; tile < kTilesAtOnce; ++tile) {
        if (!exists || first_column + tile * kKeptTileClasses >= block.classes) continue;
        const int64_t place = (first_tile + tile) * work.kept.rows + block.first_row + row;
        const uint16_t *begin = work.kept.codes + place * kKeptTileClasses + first_column % kKeptTileClasses;
        codes[tile] = __ldcs(reinterpret_cast<const uint4 *>(begin));
        maxima[tile] = __ldg(work.kept.maxima + place);
    }
    RowGradient gradient = RowGradient::nothing();
    if (exists) gradient = work.inputs.rows[block.first_row + row];
#pragma unroll
    for (int tile = 0; tile < kTilesAtOnce; ++tile) {
        const int64_t column = first_column + tile * kKeptTileClasses;
        if (column >= block.classes) return;
        __nv_bfloat16 *const out = work.dz + row * block.pitch + column;
        uint4 dz = {0, 0, 0, 0};
        const KeptRow<kCapped> kept = {work, gradient, maxima[tile]};
        if (exists) dz = dz_of(kept, codes[tile], block.classes - column);
        *reinterpret_cast<uint4 *>(out) = dz;
        const int64_t target = gradient.target - block.first_class - column;
        if (target < 0 || target >= kColumns) continue;
        float of_target = 0.0f;
#pragma unroll
        for (int v = 0; v < kColumns; ++v)
            if (v == target) of_target = code_of(codes[tile], v);
        out[target] = __float2bfloat16_rn(kept.dz_of_target(of_target));
    }
}

}  // namespace

int32_t kept_dz(const LogitMap &map, const KeptLogits &kept, const DzInputs &inputs, const Block &block, void *dz,
                cudaStream_t stream) {
    const KeptDzWork work = {kept, inputs, block, map, static_cast<__nv_bfloat16 *>(dz)};
    return launch("taking the gradient of kept logits", map.capped ? kept_dz_kernel<true> : kept_dz_kernel<false>,
                  div_up(block.rows, kRowsAtOnce) * div_up(block.classes, kTilesAtOnce * kKeptTileClasses),
                  kBlockThreads, stream, work);
}

}  // namespace cce::cuda
