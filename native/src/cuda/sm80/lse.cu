// Primitive 2 (section 4.2 of the paper) with mma.sync: 16-bit inputs, or float32 ones rounded to TF32; float32 sums.
// One block a multiprocessor; in each of its runs it keeps 128 counting positions, whose rows it gathers anew for each
// class tile from the L2 cache, and goes through tiles of 256 classes. Each tile's logits stay in registers, and so do
// the sums that they are added to. 2 * R * V * D flops; a tile reads 384 rows for 128 * 256 dot products: for 1000
// flops, 12 bytes come from the L2 cache into shared memory and 31 bytes from there into registers; of float32 twice as
// many, for flops that take twice as long. The tensor cores are the bound.
//
// Instances: bf16 and fp16, each with four epilogues and 2 to 4 stages, as many as fit into shared memory; float32 with
// 2 or 3, since a third stage already has the copies of two steps under way while one is multiplied.
#include <algorithm>
#include <type_traits>

#include "cuda/check.h"
#include "cuda/device.h"
#include "cuda/sm80/epilogue.cuh"
#include "cuda/sm80/family.h"

namespace cce::cuda::sm80 {
namespace {

static_assert(kSegmentClasses == kClassTile && kSegmentClasses >= kLeastSegmentClasses, "a tile is a segment");

using Run = RunList::Run;
constexpr int kStageBytes = Across<kClassTile>::kStageBytes;
constexpr int kMostFloatStages = 3;

// Shared memory beside the stages. What the main loop does not need lies here, for want of registers.
struct Shared {
    const char *rows[kRowTile];                    // of E; any for positions that do not exist
    __nv_bfloat16 maxima[kWarpsAcross][kRowTile];  // of a tile, rounded up, one set a column of warps
    RunList list;
};

// At the end of a run, in place of the stages.
struct SharedResults {
    OnlineLse of_warp[kWarpsAcross][kRowTile];
};
static_assert(sizeof(SharedResults) <= 2 * kStageBytes, "there are at least 2 stages");

constexpr int32_t kSharedBytes = static_cast<int32_t>((sizeof(Shared) + kRowBytes - 1) / kRowBytes * kRowBytes);
static_assert(kSharedBytes + 2 * kStageBytes <= 99 << 10, "fits the GPUs with the least shared memory since Ampere");

__device__ int64_t position_of(const Run &run) {
    return static_cast<int64_t>(run.row_tile) * kRowTile + threadIdx.x % kRowTile;
}

// Stores the maxima of a tile, which is one segment. The whole block must call it.
__device__ void store_segments(const SweepInputs &in, const Shared &shared, const Run &run, int32_t class_tile,
                               float unit) {
    __syncthreads();
    const int64_t i = position_of(run);
    if (threadIdx.x >= kRowTile || i >= *in.logits.valid) return;
    float max = to_float(shared.maxima[0][threadIdx.x]);
#pragma unroll
    for (int warp = 1; warp < kWarpsAcross; ++warp) max = max_or_nan(max, to_float(shared.maxima[warp][threadIdx.x]));
    const float target_logit = in.target_logit[in.logits.valid_rows[i]];
    in.segments.codes[class_tile * in.segments.pitch + i] = in.segments.encode(max * unit, target_logit);
}

// Adds a tile's sums to those of the run.
template <Epilogue kEpilogue, typename Rows>
__device__ void add_tile(Rows &rows, Sums &sums, const SweepInputs &in, Shared &shared, const Run &run,
                         int32_t class_tile, bool smoothing) {
    const float unit = unit_of<kEpilogue>(in.logits.map);
    const int64_t first_class = static_cast<int64_t>(class_tile) * kClassTile;
    make_values<kEpilogue>(sums, in.logits, first_class);
    rows.start_tile(in.logits, first_class, smoothing);
#pragma unroll
    for (int m = 0; m < kRowBlocks; ++m)
#pragma unroll
        for (int u = 0; u < 2; ++u) {
            const float max = row_max(sums, m, u);
            if (in.segments.codes != nullptr)
                shared.maxima[warp_of() % kWarpsAcross][tile_row(m, u)] =
                    __float2bfloat16_ru(reduce_lanes<4>(max, [](float a, float b) { return max_or_nan(a, b); }));
            rows.add(sums, m, u, max, unit);
        }
    if (in.segments.codes != nullptr) store_segments(in, shared, run, class_tile, unit);
}

// Merges what the threads have of each position. The whole block must call it; `results` must be free.
template <typename Rows>
__device__ void store_results(const Rows &rows, SharedResults &results, int32_t slot, float unit,
                              const Partials &partials) {
#pragma unroll
    for (int m = 0; m < kRowBlocks; ++m)
#pragma unroll
        for (int u = 0; u < 2; ++u) {
            const OnlineLse whole = rows.whole(m, u, unit);
            if (lane_of() % 4 == m) results.of_warp[warp_of() % kWarpsAcross][tile_row(m, u)] = whole;
        }
    __syncthreads();
    if (threadIdx.x >= kRowTile) return;
    OnlineLse whole = results.of_warp[0][threadIdx.x];
#pragma unroll
    for (int warp = 1; warp < kWarpsAcross; ++warp) whole = merge(whole, results.of_warp[warp][threadIdx.x]);
    const int64_t place = static_cast<int64_t>(slot) * kRowTile + threadIdx.x;
    partials.lse[place] = {whole.max, whole.sum};
    if (partials.extras != nullptr) partials.extras[place] = {whole.centred, whole.weighted, whole.argmax};
}

template <typename T, int kStages, Epilogue kEpilogue>
__global__ void __launch_bounds__(kTileThreads, 1)
lse_kernel(Schedule schedule, SweepInputs in, bool smoothing, Partials partials) {
    extern __shared__ __align__(128) char dynamic[];
    using Rows = std::conditional_t<kEpilogue == Epilogue::kExtras, RowExtraSums, RowSums>;
    Shared &shared = *reinterpret_cast<Shared *>(dynamic);
    char *const stage_bytes = dynamic + kSharedBytes;
    const Logits &logits = in.logits;
    if (threadIdx.x == 0) shared.list.fill(schedule, *logits.valid, blockIdx.x);
    __syncthreads();
    for (int32_t index = 0; index < shared.list.count; ++index) {
        const Run &run = shared.list.runs[index];
        if (threadIdx.x < kRowTile)
            shared.rows[threadIdx.x] = static_cast<const char *>(logits.embeddings) +
                                       Maximum()(logits.token(position_of(run)), int64_t{0}) * row_bytes_of<T>(logits);
        __syncthreads();
        Rows rows;
        Pipeline<T, kClassTile, kStages> pipeline(
            shared_address(stage_bytes),
            Loader<T, kClassTile>(logits, shared.rows, run.first_class_tile, run.end_class_tile));
        pipeline.begin();
        for (int32_t tile = run.first_class_tile; tile < run.end_class_tile; ++tile) {
            Sums sums;
            pipeline.multiply(sums);
            add_tile<kEpilogue>(rows, sums, in, shared, run, tile, smoothing);
        }
        pipeline.drain();
        store_results(rows, *reinterpret_cast<SharedResults *>(stage_bytes), run.slot,
                      unit_of<kEpilogue>(logits.map), partials);
        __syncthreads();  // the next run overwrites shared memory
    }
}

template <typename T, int kStages>
auto kernel_of(const LogitMap &map, bool extras) {
    if (extras) return lse_kernel<T, kStages, Epilogue::kExtras>;
    if (map.capped) return lse_kernel<T, kStages, Epilogue::kCapped>;
    if (map.bias != nullptr) return lse_kernel<T, kStages, Epilogue::kBiased>;
    return lse_kernel<T, kStages, Epilogue::kScaled>;
}

template <int kStages>
int32_t sweep_with(const Problem &p, const Schedule &schedule, const SweepInputs &in, const Partials &out,
                   cudaStream_t stream) {
    const bool smoothing = p.spec.label_smoothing > 0.0;
    return with_scalar(p.spec.dtype, [&](auto scalar) {
        using T = decltype(scalar);
        constexpr int kUsed = std::is_same_v<T, float> ? std::min(kStages, kMostFloatStages) : kStages;
        const auto kernel = kernel_of<T, kUsed>(in.logits.map, out.extras != nullptr);
        return launch_shared("summing the logits", kernel, schedule.workers, kTileThreads,
                             kSharedBytes + kUsed * kStageBytes, stream, schedule, in, smoothing, out);
    });
}

}  // namespace

Schedule schedule(const Problem &p) {
    const DeviceTraits &device = traits_of(p.spec.device);
    // The embeddings of a panel leave most of the L2 cache to the classifier's rows on their way through.
    const int64_t row_tile_bytes = kRowTile * p.spec.hidden * dtype_bytes(p.spec.dtype);
    return Schedule::of(p, kRowTile, kClassTile, device.multiprocessors, device.l2_bytes / 4 / row_tile_bytes);
}

int32_t sweep(const Problem &p, const Schedule &schedule, const SweepInputs &in, const Partials &out,
              cudaStream_t stream) {
    const int32_t stages = (traits_of(p.spec.device).shared_bytes - kSharedBytes) / kStageBytes;
    const auto sweep_on = stages >= 4 ? sweep_with<4> : stages == 3 ? sweep_with<3> : sweep_with<2>;
    return sweep_on(p, schedule, in, out, stream);
}

}  // namespace cce::cuda::sm80
