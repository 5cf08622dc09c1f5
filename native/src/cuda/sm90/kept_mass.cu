// The softmax mass that the filters of backward keep of each position, by a sweep over all logits: as that of the
// forward pass, but with the lse at hand.
//
// Instances: bf16 and fp16, three kinds of logits.
#include "cuda/backward/kept_mass.cuh"
#include "cuda/device.h"
#include "cuda/sm90/backward.h"
#include "cuda/sm90/epilogue.cuh"
#include "cuda/sm90/multiply.cuh"
#include "cuda/sm90/producer.cuh"
#include "cuda/sm90/roles.cuh"
#include "cuda/sm90/tensor_map.h"

namespace cce::cuda::sm90 {
namespace {

struct MassWork {
    Logits logits;            // of the positions that are measured
    const RowGradient *rows;  // likewise
    const BackwardControl *control;
    int64_t first_row;
    int64_t row_count;
    KeptMass *kept;           // of the first position
    int64_t kept_pitch;
};

// What both filters keep of a thread's columns of its rows, in one run.
struct MassSums {
    OfRows<float> shift;   // -lse, for exp2
    OfRows<int64_t> target;
    OfRows<float> kept[2];

    __device__ void begin(const MassWork &work, const Run &run, int32_t valid, int32_t group) {
#pragma unroll
        for (int p = 0; p < kProducts; ++p)
#pragma unroll
            for (int u = 0; u < 2; ++u) {
                const int32_t i = run.row_tile * kTileRows + tile_row(group, p, u);
                const RowGradient row = i < valid ? work.rows[i] : RowGradient::nothing();
                shift[p][u] = -row.lse * kLog2E;
                target[p][u] = row.target;
                kept[0][p][u] = kept[1][p][u] = 0.0f;
            }
    }

    // Adds a tile. A target is always kept.
    __device__ void add(const float (&x)[kProducts][kProductSums], float unit, int32_t first_class,
                        float for_embeddings, float for_classifier) {
        const float scale = unit * kLog2E;
#pragma unroll
        for (int p = 0; p < kProducts; ++p)
#pragma unroll
            for (int u = 0; u < 2; ++u) {
                const int64_t place = target[p][u] - first_class - pair_column(0);
#pragma unroll
                for (int pair = 0; pair < kPairs; ++pair)
#pragma unroll
                    for (int v = 0; v < 2; ++v) {
                        const float mass = fast_exp2(fmaf(x[p][4 * pair + 2 * u + v], scale, shift[p][u]));
                        const bool is_target = place == 8 * pair + v;
                        kept[0][p][u] += is_target || !(mass < for_embeddings) ? mass : 0.0f;
                        kept[1][p][u] += is_target || !(mass < for_classifier) ? mass : 0.0f;
                    }
            }
    }

    __device__ void store(const MassWork &work, const Run &run, int32_t valid, int32_t group) const {
        const int32_t own = run.row_tile * kTileRows + own_row(group);
#pragma unroll
        for (int filter = 0; filter < 2; ++filter) {
            const float whole = reduce_to_own(kept[filter], Sum());
            if (own < valid) add_mass(work.kept + filter * work.kept_pitch + own, whole);
        }
    }
};

template <typename T, LogitKind kKind>
__device__ void consume_mass(Shared &shared, const MassWork &work, int32_t valid, int32_t group, int32_t steps) {
    const LogitMap &map = work.logits.map;
    const auto classes = static_cast<int32_t>(work.logits.classes);
    const float unit = unit_of<kKind>(map);
    const ClassValues values(shared, group);
    Ring ring;
    MassSums sums;
    for (int32_t r = 0; r < shared.list.count; ++r) {
        const Run &run = shared.list.runs[r];
        sums.begin(work, run, valid, group);
        for (int32_t tile = run.first_class_tile; tile < run.end_class_tile; ++tile) {
            const int32_t first_class = tile * kTileClasses;
            if constexpr (kKind != LogitKind::kScaled) fill_biases<kKind>(map, first_class, classes, values);
            float x[kProducts][kProductSums];
            multiply<T, Lies::kAlong, Lies::kAlong>(x, shared, ring, group, steps, !shared.contiguous[r]);
            if constexpr (kKind != LogitKind::kScaled) {
                values.await();
                apply<kKind, 1>(map, values, x);
            }
            if (first_class + kTileClasses > classes) {
#pragma unroll
                for (int p = 0; p < kProducts; ++p) clear_absent(first_class, classes, x[p]);
            }
            sums.add(x, unit, first_class, work.control->filter_embeddings, work.control->filter_classifier);
        }
        sums.store(work, run, valid, group);
    }
}

template <typename T, LogitKind kKind>
__global__ void __launch_bounds__(kBlockThreads, 1)
kept_mass_kernel(const __grid_constant__ CUtensorMap embeddings, const __grid_constant__ CUtensorMap classifier,
                 const __grid_constant__ Schedule schedule, const __grid_constant__ MassWork work) {
    if (!work.control->unmeasured) return;
    const int64_t rest = work.control->valid - work.first_row;
    const auto valid = static_cast<int32_t>(Maximum()(Minimum()(rest, work.row_count), int64_t{0}));
    const auto steps = static_cast<int32_t>((work.logits.hidden + kStep - 1) / kStep);
    in_roles([&](Shared &shared) { list_runs(shared, schedule, work.logits, valid); },
             [&](Shared &shared) { produce(shared, {embeddings, classifier, work.logits, valid, 0, steps}); },
             [&](Shared &shared, int32_t group) { consume_mass<T, kKind>(shared, work, valid, group, steps); });
}

template <typename T>
auto kernel_of(const LogitMap &map) {
    if (map.capped) return kept_mass_kernel<T, LogitKind::kCapped>;
    return map.bias != nullptr ? kept_mass_kernel<T, LogitKind::kBiased> : kept_mass_kernel<T, LogitKind::kScaled>;
}

}  // namespace

int32_t kept_mass(const Problem &p, const Logits &logits, const DzInputs &inputs, int64_t first_row, int64_t rows,
                  KeptMass *kept, cudaStream_t stream) {
    if (rows == 0) return CCE_OK;
    CUtensorMap embeddings;
    CUtensorMap classifier;
    CCE_TRY(describe(logits.embeddings, p.spec.dtype, p.tokens, p.spec.hidden, p.spec.hidden, kTileRows, &embeddings));
    CCE_TRY(describe(logits.classifier, p.spec.dtype, p.spec.classes, p.spec.hidden, p.spec.hidden, kTileClasses,
                     &classifier));
    const int32_t blocks = traits_of(p.spec.device).multiprocessors;
    MassWork work{logits, inputs.rows + first_row, inputs.control, first_row, rows, kept + first_row, p.rows};
    work.logits.valid_rows += first_row;
    return with_half(p.spec.dtype, [&](auto scalar) {
        return launch_roles("measuring what the filters keep", kernel_of<decltype(scalar)>(logits.map), blocks, stream,
                            embeddings, classifier, schedule_of_rows(p, rows), work);
    });
}

}  // namespace cce::cuda::sm90
