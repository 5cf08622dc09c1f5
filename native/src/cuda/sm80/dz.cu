// The gradient of the logits before softcap, of a block of positions and classes, in the dtype of E and C. Recomputes
// the logits as the sweep of lse.cu does, which bounds it.
//
// Instances: bf16 and fp16, three kinds of logits, with 2 to 4 stages.
#include <algorithm>

#include "cuda/backward/dz_element.cuh"
#include "cuda/check.h"
#include "cuda/device.h"
#include "cuda/quads.cuh"
#include "cuda/sm80/backward.h"
#include "cuda/sm80/epilogue.cuh"
#include "cuda/sm80/family.h"

namespace cce::cuda::sm80 {
namespace {

using Run = RunList::Run;
constexpr int kStageBytes = Across<kClassTile>::kStageBytes;

template <typename T>
struct DzWork {
    Logits logits;            // of the block's positions and classes
    const RowGradient *rows;  // of the block's positions
    const BackwardControl *control;
    bool kept;                // as in DzInputs
    Block block;
    bool smoothing;
    T *for_embeddings;        // NULL: not wanted
    T *for_classifier;
};

// Beside the stages.
struct Shared {
    const char *tokens[kRowTile];  // rows of E; any for positions that do not exist
    float bias[kClassTile];
    RunList list;
};
constexpr int32_t kSharedBytes = static_cast<int32_t>((sizeof(Shared) + kRowBytes - 1) / kRowBytes * kRowBytes);
static_assert(kSharedBytes + 2 * kStageBytes <= 99 << 10, "fits the GPUs with the least shared memory since Ampere");

// What of the block's positions counts.
template <typename T>
__device__ int32_t valid_of(const DzWork<T> &work) {
    const int64_t rest = Minimum()(work.control->valid - work.block.first_row, work.block.rows);
    return static_cast<int32_t>(Maximum()(rest, int64_t{0}));
}

// Stores a row, of the tile from `first_column` on; 0 for classes that do not exist. The whole warp must call it, with
// `exists` false for rows that are not stored.
template <Epilogue kEpilogue, typename T>
__device__ void store_row(const DzWork<T> &work, const Shared &shared, const Sums &sums, int m, int u,
                          int32_t first_column, const RowGradient &row, bool exists, T *out, float threshold) {
    constexpr int kExchanged = 4;
    static_assert(kClassBlocks % kExchanged == 0);
    const LogitMap &map = work.logits.map;
    const int64_t first_class = work.block.first_class + first_column;
    const int64_t of_target = row.target - first_class;
    const int32_t target = of_target < kClassTile ? static_cast<int32_t>(of_target) : -1;
    const auto columns = static_cast<int32_t>(work.block.classes) - first_column;
#pragma unroll
    for (int first = 0; first < kClassBlocks; first += kExchanged) {
        uint32_t pairs[kExchanged];
#pragma unroll
        for (int k = 0; k < kExchanged; ++k) {
            const int n = first + k;
            float dz[2];
#pragma unroll
            for (int v = 0; v < 2; ++v) {
                const int c = tile_class(n, v);
                const bool is_class = c < columns;
                const float weight =
                    work.smoothing && is_class ? work.logits.batch.class_weight(first_class + c) : 0.0f;
                const float z = value_of<kEpilogue>(map, sums[m][n][2 * u + v], shared.bias[c]) *
                                unit_of<kEpilogue>(map);
                const DzElement element = DzElement::of(row, fast_exp2((z - row.lse) * kLog2E),
                                                        c == target, weight, map.slope(z));
                dz[v] = is_class ? element.filtered(threshold) : 0.0f;
            }
            pairs[k] = pair_from_floats<T>(dz[0], dz[1]);
        }
        const uint4 neighbours = gather_own(pairs);
        const int32_t column = tile_class(first, 0) / 8 * 8 + lane_of() % kExchanged * 8;
        if (exists && column < columns) *reinterpret_cast<uint4 *>(out + column) = neighbours;
    }
}

template <Epilogue kEpilogue, typename T>
__device__ void store_tile(const DzWork<T> &work, const Shared &shared, const Sums &sums, const Run &run, int32_t tile,
                           int32_t valid, T *dz, float threshold) {
#pragma unroll
    for (int m = 0; m < kRowBlocks; ++m)
#pragma unroll
        for (int u = 0; u < 2; ++u) {
            const int32_t i = run.row_tile * kRowTile + tile_row(m, u);
            const bool exists = i < valid;
            asm volatile("" ::: "memory");  // or all rows' gradients are loaded at once, for want of registers
            const RowGradient row = exists ? work.rows[i].scaled(work.control->dz_scale) : RowGradient::nothing();
            store_row<kEpilogue>(work, shared, sums, m, u, tile * kClassTile, row, exists,
                                 dz + i * work.block.pitch + tile * kClassTile, threshold);
        }
}

// The whole block must call it.
template <typename T>
__device__ void fill_bias(Shared &shared, const DzWork<T> &work, int32_t tile) {
    __syncthreads();
    const int32_t column = tile * kClassTile + static_cast<int32_t>(threadIdx.x);
    static_assert(kClassTile == kTileThreads);
    const bool exists = column < work.block.classes;
    shared.bias[threadIdx.x] = exists ? work.logits.map.bias_of(work.block.first_class + column) : 0.0f;
    __syncthreads();
}

template <typename T, int kStages, Epilogue kEpilogue>
__global__ void __launch_bounds__(kTileThreads, 1)
dz_kernel(const __grid_constant__ Schedule schedule, const __grid_constant__ DzWork<T> work) {
    extern __shared__ __align__(128) char dynamic[];
    if (!work.block.is_due(*work.control)) return;
    if (work.kept && work.control->kept_classes >= work.block.first_class + work.block.classes) return;
    Shared &shared = *reinterpret_cast<Shared *>(dynamic);
    const int32_t valid = valid_of(work);
    if (threadIdx.x == 0) shared.list.fill(schedule, valid, static_cast<int32_t>(blockIdx.x));
    __syncthreads();
    for (int32_t index = 0; index < shared.list.count; ++index) {
        const Run &run = shared.list.runs[index];
        if (threadIdx.x < kRowTile) {
            const int32_t i = run.row_tile * kRowTile + static_cast<int32_t>(threadIdx.x);
            const int64_t token = i < valid ? work.logits.token(i) : 0;
            shared.tokens[threadIdx.x] =
                static_cast<const char *>(work.logits.embeddings) + token * row_bytes_of<T>(work.logits);
        }
        __syncthreads();
        Pipeline<T, kClassTile, kStages> pipeline(
            shared_address(dynamic + kSharedBytes),
            Loader<T, kClassTile>(work.logits, shared.tokens, run.first_class_tile, run.end_class_tile));
        pipeline.begin();
        for (int32_t tile = run.first_class_tile; tile < run.end_class_tile; ++tile) {
            Sums sums;
            pipeline.multiply(sums);
            fill_bias(shared, work, tile);
            if (work.for_embeddings != nullptr)
                store_tile<kEpilogue>(work, shared, sums, run, tile, valid, work.for_embeddings,
                                      work.control->filter_embeddings);
            if (work.for_classifier != nullptr)
                store_tile<kEpilogue>(work, shared, sums, run, tile, valid, work.for_classifier,
                                      work.control->filter_classifier);
        }
        pipeline.drain();
    }
}

template <typename T, int kStages>
auto kernel_of(const LogitMap &map) {
    if (map.capped) return dz_kernel<T, kStages, Epilogue::kCapped>;
    return map.bias != nullptr ? dz_kernel<T, kStages, Epilogue::kBiased> : dz_kernel<T, kStages, Epilogue::kScaled>;
}

template <typename T>
int32_t launch_dz(const Problem &p, DzWork<T> work, cudaStream_t stream) {
    const Block &block = work.block;
    work.logits.valid_rows += block.first_row;
    work.logits.classes = block.classes;
    work.logits.classifier = static_cast<const T *>(work.logits.classifier) + block.first_class * p.spec.hidden;
    Problem chunk = p;
    chunk.spec.classes = block.classes;
    const DeviceTraits &device = traits_of(p.spec.device);
    const int64_t row_tile_bytes = kRowTile * p.spec.hidden * int64_t{sizeof(T)};
    const Schedule schedule =
        Schedule::of(chunk, kRowTile, kClassTile, device.multiprocessors, device.multiprocessors)
            .in_equal_panels(block.rows, std::max<int64_t>(1, device.l2_bytes / 2 / row_tile_bytes));
    const int32_t stages = (device.shared_bytes - kSharedBytes) / kStageBytes;
    const auto launch_with = [&](auto kernel, int32_t used) {
        return launch_shared("computing the gradient of the logits", kernel, device.multiprocessors, kTileThreads,
                             kSharedBytes + used * kStageBytes, stream, schedule, work);
    };
    const LogitMap &map = work.logits.map;
    if (stages >= 4) return launch_with(kernel_of<T, 4>(map), 4);
    return stages == 3 ? launch_with(kernel_of<T, 3>(map), 3) : launch_with(kernel_of<T, 2>(map), 2);
}

}  // namespace

int32_t dz_block(const Problem &p, const Logits &logits, const DzInputs &inputs, const Block &block,
                 void *for_embeddings, void *for_classifier, cudaStream_t stream) {
    if (block.rows == 0) return CCE_OK;
    return with_half(p.spec.dtype, [&](auto scalar) {
        using T = decltype(scalar);
        return launch_dz<T>(p,
                            {logits, inputs.rows + block.first_row, inputs.control, inputs.kept, block,
                             p.spec.label_smoothing > 0.0, static_cast<T *>(for_embeddings),
                             static_cast<T *>(for_classifier)},
                            stream);
    });
}

}  // namespace cce::cuda::sm80
