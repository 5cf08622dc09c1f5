// The gradient of the logits before softcap, of a block of positions and classes, in the dtype of E and C. Recomputes
// the logits as the sweep does.
//
// Instances: bf16 and fp16, three kinds of logits.
#include "cuda/backward/dz_element.cuh"
#include "cuda/device.h"
#include "cuda/sm90/backward.h"
#include "cuda/sm90/epilogue.cuh"
#include "cuda/sm90/gradient.cuh"
#include "cuda/sm90/multiply.cuh"
#include "cuda/sm90/producer.cuh"
#include "cuda/sm90/roles.cuh"
#include "cuda/sm90/tensor_map.h"

namespace cce::cuda::sm90 {
namespace {

template <typename T>
struct DzWork {
    Logits logits;            // of the block's positions
    const RowGradient *rows;  // of the block's positions
    const BackwardControl *control;
    bool kept;                // as in DzInputs
    Block block;
    bool smoothing;
    T *for_embeddings;        // NULL: not wanted
    T *for_classifier;
};

// A row of dz: where it goes and what it is made of.
template <typename T>
struct DzRow {
    T *out;                // of the block's first column
    RowGradient gradient;
    bool in_block;
    bool exists;           // else all 0, since products add up whole tiles
    int32_t target;        // column of the target in the block, or any other number
    float threshold;

    __device__ static DzRow of(const DzWork<T> &work, int32_t i, int32_t valid, int32_t first_class, T *out,
                               float threshold) {
        const bool exists = i < valid;
        RowGradient gradient = RowGradient::nothing();
        if (exists) gradient = work.rows[i].scaled(work.control->dz_scale);
        const int64_t target = gradient.target - first_class;
        return {out,    gradient, i < work.block.rows,
                exists, target < kTileClasses ? static_cast<int32_t>(target) : -1,
                threshold};
    }
};

// Stores this thread's columns of a row, as if there were no target. The four threads of a row exchange what they have,
// so that each stores 8 neighbours at a time; the padding between `columns` and the next multiple of 8 is written too.
// The whole warp must call it.
template <LogitKind kKind, typename T>
__device__ void store_row(const DzRow<T> &row, const float (&z)[kProductSums], int u, int32_t columns, float unit,
                          const LogitMap &map, const ClassValues &weights) {
    const float scale = unit * kLog2E;
    const float shift = -row.gradient.lse * kLog2E;
    // A cap's slope below is that of a scaled tanh.
    const float slope_unit = map.inverse_temperature * (kKind == LogitKind::kCapped ? kTanhUnit * kTanhUnit : 1.0f);
    const float softmax = row.gradient.softmax * slope_unit;
    const float smoothing = row.gradient.smoothing * slope_unit;
    constexpr int kExchanged = 4;
    static_assert(kPairs % kExchanged == 0);
#pragma unroll
    for (int first = 0; first < kPairs; first += kExchanged) {
        uint32_t pairs[kExchanged];
#pragma unroll
        for (int k = 0; k < kExchanged; ++k) {
            const int pair = first + k;
            const float2 weight = weights.at(pair);
            float dz[2];
#pragma unroll
            for (int v = 0; v < 2; ++v) {
                const float value = z[4 * pair + 2 * u + v];
                const float p = fast_exp2(fmaf(value, scale, shift));
                dz[v] = (p < row.threshold ? 0.0f : p) * softmax;
                dz[v] -= smoothing * (v == 0 ? weight.x : weight.y);
                if (kKind == LogitKind::kCapped) dz[v] *= fmaf(-value, value, 1.0f / (kTanhUnit * kTanhUnit));
            }
            pairs[k] = row.exists ? pair_from_floats<T>(dz[0], dz[1]) : 0;
        }
        const uint4 neighbours = gather_own(pairs);
        const int32_t column = 8 * (first + static_cast<int32_t>(threadIdx.x) % kExchanged);
        if (row.in_block && column < columns) *reinterpret_cast<uint4 *>(row.out + column) = neighbours;
    }
}

// Stores the element of the target, by the thread that has its column.
template <LogitKind kKind, typename T>
__device__ void store_target(const DzRow<T> &row, const float (&z)[kProductSums], int u, float unit,
                             const LogitMap &map, const ClassValues &weights) {
    const int32_t place = row.target - pair_column(0);
    if ((place & 6) != 0) return;  // another thread's
    float value = 0.0f;
#pragma unroll
    for (int pair = 0; pair < kPairs; ++pair)
#pragma unroll
        for (int v = 0; v < 2; ++v)
            if (place == 8 * pair + v) value = z[4 * pair + 2 * u + v];
    const float p = fast_exp2(fmaf(value, unit * kLog2E, -row.gradient.lse * kLog2E));
    const float slope = kKind == LogitKind::kCapped ? map.slope(value * unit) : map.inverse_temperature;
    const auto element =
        DzElement::of(row.gradient, p, true, weights.of_column(row.target), slope);
    row.out[row.target] = from_float<T>(element.filtered(row.threshold));
}

template <LogitKind kKind, typename T>
__device__ void store(const DzRow<T> &row, const float (&z)[kProductSums], int u, int32_t columns, float unit,
                      const LogitMap &map, const ClassValues &weights) {
    store_row<kKind>(row, z, u, columns, unit, map, weights);
    __syncwarp();  // another thread may have stored the target's place
    if (row.exists && row.target >= 0 && row.target < kTileClasses)
        store_target<kKind>(row, z, u, unit, map, weights);
}

template <LogitKind kKind, typename T>
__device__ void consume_dz(Shared &shared, const DzWork<T> &work, int32_t valid, int32_t group, int32_t steps) {
    const LogitMap &map = work.logits.map;
    const auto classes = static_cast<int32_t>(work.logits.classes);
    const float unit = unit_of<kKind>(map);
    const ClassValues values(shared, group);
    Ring ring;
    for (int32_t r = 0; r < shared.list.count; ++r) {
        const Run &run = shared.list.runs[r];
        for (int32_t tile = run.first_class_tile; tile < run.end_class_tile; ++tile) {
            const int32_t first_column = tile * kTileClasses;
            const int32_t first_class = static_cast<int32_t>(work.block.first_class) + first_column;
            const int32_t first_operand = static_cast<int32_t>(work.block.first_operand()) + first_column;
            const int32_t columns = static_cast<int32_t>(work.block.classes) - first_column;
            if constexpr (kKind != LogitKind::kScaled) fill_biases<kKind>(map, first_operand, classes, values);
            float x[kProducts][kProductSums];
            multiply<T, Lies::kAlong, Lies::kAlong>(x, shared, ring, group, steps, !shared.contiguous[r]);
            if constexpr (kKind != LogitKind::kScaled) {
                values.await();
                apply<kKind, 4>(map, values, x);
            }
            values.sync();
            values.fill(first_operand, classes,
                        [&](int32_t j) { return work.smoothing ? work.logits.batch.class_weight(j) : 0.0f; });
            values.sync();
#pragma unroll
            for (int p = 0; p < kProducts; ++p)
#pragma unroll
                for (int u = 0; u < 2; ++u) {
                    const int32_t i = run.row_tile * kTileRows + tile_row(group, p, u);
                    asm volatile("" ::: "memory");  // or all rows' gradients are loaded at once, for want of registers
                    const int64_t begin = i * work.block.pitch + first_column;
                    const auto store_to = [&](T *out, float threshold) {
                        store<kKind>(DzRow<T>::of(work, i, valid, first_class, out + begin, threshold), x[p], u,
                                     columns, unit, map, values);
                    };
                    if (work.for_embeddings != nullptr) store_to(work.for_embeddings, work.control->filter_embeddings);
                    if (work.for_classifier != nullptr) store_to(work.for_classifier, work.control->filter_classifier);
                }
        }
    }
}

// Condensed classes may be fewer than those that the schedule shares out.
__device__ void end_runs_at(RunList &list, int32_t tiles) {
    for (int32_t r = 0; r < list.count; ++r) {
        Run &run = list.runs[r];
        run.end_class_tile = Maximum()(run.first_class_tile, Minimum()(run.end_class_tile, tiles));
    }
}

template <typename T, LogitKind kKind>
__global__ void __launch_bounds__(kBlockThreads, 1)
dz_kernel(const __grid_constant__ CUtensorMap embeddings, const __grid_constant__ CUtensorMap classifier,
          const __grid_constant__ Schedule schedule, const __grid_constant__ DzWork<T> work) {
    begin_early();
    if (!work.block.is_due(*work.control)) return;
    if (work.kept && work.control->kept_classes >= work.block.first_class + work.block.classes) return;
    const int64_t rest = work.control->valid - work.block.first_row;
    const auto valid = static_cast<int32_t>(Maximum()(Minimum()(rest, work.block.rows), int64_t{0}));
    const auto steps = static_cast<int32_t>((work.logits.hidden + kStep - 1) / kStep);
    const auto tiles = static_cast<int32_t>((work.block.existing(*work.control) + kTileClasses - 1) / kTileClasses);
    in_roles([&](Shared &shared) {
                 list_runs(shared, schedule, work.logits, valid);
                 end_runs_at(shared.list, tiles);
             },
             [&](Shared &shared) {
                 produce(shared, {embeddings, classifier, work.logits, valid,
                                  static_cast<int32_t>(work.block.first_operand()), steps});
             },
             [&](Shared &shared, int32_t group) { consume_dz<kKind>(shared, work, valid, group, steps); });
}

template <typename T>
auto kernel_of(const LogitMap &map) {
    if (map.capped) return dz_kernel<T, LogitKind::kCapped>;
    return map.bias != nullptr ? dz_kernel<T, LogitKind::kBiased> : dz_kernel<T, LogitKind::kScaled>;
}

}  // namespace

int32_t dz_block(const Problem &p, const Logits &logits, const DzInputs &inputs, const Block &block,
                 void *for_embeddings, void *for_classifier, cudaStream_t stream) {
    if (block.rows == 0) return CCE_OK;
    CUtensorMap embeddings;
    CUtensorMap classifier;
    CCE_TRY(describe(logits.embeddings, p.spec.dtype, p.tokens, p.spec.hidden, p.spec.hidden, kTileRows,
                     &embeddings));
    CCE_TRY(describe(logits.classifier, p.spec.dtype, p.spec.classes, p.spec.hidden, p.spec.hidden, kTileClasses,
                     &classifier));
    Problem chunk = p;
    chunk.spec.classes = block.classes;
    return with_half(p.spec.dtype, [&](auto scalar) {
        using T = decltype(scalar);
        DzWork<T> work{logits,
                       inputs.rows + block.first_row,
                       inputs.control,
                       inputs.kept,
                       block,
                       p.spec.label_smoothing > 0.0,
                       static_cast<T *>(for_embeddings),
                       static_cast<T *>(for_classifier)};
        work.logits.valid_rows += block.first_row;
        return launch_roles_early("computing the gradient of the logits", kernel_of<T>(logits.map),
                                  traits_of(p.spec.device).multiprocessors, stream, embeddings, classifier,
                                  schedule_of_rows(chunk, block.rows), work);
    });
}

}  // namespace cce::cuda::sm90
