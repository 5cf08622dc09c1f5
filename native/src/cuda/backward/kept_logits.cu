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

// The code of column v of a thread.
__device__ int32_t code_of(const uint4 &codes, int v) {
    const uint32_t pairs[] = {codes.x, codes.y, codes.z, codes.w};
    return v % 2 == 0 ? pairs[v / 2] & 0xFFFF : pairs[v / 2] >> 16;
}

// dz of one logit. The last code of logits without a softcap is a probability of 0, whatever the largest one.
template <bool kCapped>
__device__ float dz_of(const KeptDzWork &work, const RowGradient &row, float max, int32_t code, bool is_target) {
    const float below = static_cast<float>(code) * work.kept.step;
    if (kCapped) {
        const float z = max - below;
        const float p = fast_exp2((z - row.lse) * kLog2E);
        return DzElement::of(row, p, is_target, 0.0f, work.map.slope(z)).filtered(0.0f);
    }
    const float power = code == KeptLogits::kLastCode ? -INFINITY : -below;
    const float p = fast_exp2((power + (max - row.lse)) * kLog2E);
    return DzElement::of(row, p, is_target, 0.0f, work.map.inverse_temperature).filtered(0.0f);
}

// The columns of a thread; `target` is the place of the target among them, or any other number.
template <bool kCapped>
__device__ uint4 dz_of(const KeptDzWork &work, const RowGradient &row, float max, const uint4 &codes, int64_t target,
                       int64_t columns) {
    uint4 result;
    uint32_t *pairs[] = {&result.x, &result.y, &result.z, &result.w};
#pragma unroll
    for (int pair = 0; pair < kColumns / 2; ++pair) {
        float dz[2];
#pragma unroll
        for (int v = 0; v < 2; ++v) {
            const int column = 2 * pair + v;
            dz[v] = dz_of<kCapped>(work, row, max, code_of(codes, column), column == target);
            if (column >= columns) dz[v] = 0.0f;
        }
        const __nv_bfloat162 rounded = __floats2bfloat162_rn(dz[0], dz[1]);
        *pairs[pair] = reinterpret_cast<const uint32_t &>(rounded);
    }
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
        uint4 dz = {0, 0, 0, 0};
        if (exists)
            dz = dz_of<kCapped>(work, gradient, maxima[tile], codes[tile], gradient.target - block.first_class - column,
                                block.classes - column);
        *reinterpret_cast<uint4 *>(work.dz + row * block.pitch + column) = dz;
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
