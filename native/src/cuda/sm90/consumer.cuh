// The consumer warpgroups: each multiplies its 128 rows of a tile with the 192 classes and folds the logits into
// running sums. While one is at its sums, the other has the tensor cores.
#pragma once

#include <type_traits>

#include "cuda/forward/sweep.cuh"
#include "cuda/sm90/multiply.cuh"
#include "cuda/sm90/row_candidates.cuh"
#include "cuda/sm90/row_codes.cuh"
#include "cuda/sm90/row_extras.cuh"
#include "cuda/sm90/row_sums.cuh"

namespace cce::cuda::sm90 {

template <typename T, typename Option>
__device__ void consume(Shared &shared, const SweepInputs &in, const Partials &out, int32_t valid, int32_t group,
                        int32_t steps, bool smoothing) {
    const Logits &logits = in.logits;
    const auto classes = static_cast<int32_t>(logits.classes);
    // Of what is summed.
    const float unit = unit_of<Option::kKind>(logits.map);
    const ClassValues values(shared, group);
    Ring ring;
    std::conditional_t<Option::kExtras, RowExtraSums, RowSums> rows;
    for (int32_t r = 0; r < shared.list.count; ++r) {
        const Run &run = shared.list.runs[r];
        // The position whose segment maxima this thread stores, if any.
        int32_t own = run.row_tile * kTileRows + own_row(group);
        if (own >= valid || in.segments.codes == nullptr) own = -1;
        float target = 0.0f;
        if (Option::kSegments && own >= 0) target = in.target_logit[logits.valid_rows[own]];
        float least = RowCandidates::kNone;  // x of a candidate
        if (own >= 0) least = RowCandidates::finite_least(in.segments.least(target) / unit);
        rows.clear();
        for (int32_t tile = run.first_class_tile; tile < run.end_class_tile; ++tile) {
            const int32_t first_class = tile * kTileClasses;
            if constexpr (Option::kKind != LogitKind::kScaled)
                fill_biases<Option::kKind>(logits.map, first_class, classes, values);
            float x[kProducts][kProductSums];
            multiply<T, Lies::kAlong, Lies::kAlong>(x, shared, ring, group, steps, !shared.contiguous[r]);
            if constexpr (Option::kKind != LogitKind::kScaled) {
                values.await();
                constexpr int kVotePairs = Option::kLogits ? 1 : 2;  // for which there are registers
                apply<Option::kKind, kVotePairs>(logits.map, values, x);
            }
            if (first_class + kTileClasses > classes) {
#pragma unroll
                for (int p = 0; p < kProducts; ++p) clear_absent(first_class, classes, x[p]);
            }
            float largest = 0.0f;  // of the own row
            if constexpr (Option::kExtras) {
                largest = rows.add(x, unit, first_class);
                if (smoothing) {
                    values.sync();
                    values.fill(first_class, classes, [&](int32_t j) { return logits.batch.class_weight(j); });
                    values.sync();
                    rows.add_weighted(x, unit, values);
                }
            } else if constexpr (Option::kLogits) {
                OfRows<float> tile_max;
                rows.add(x, unit, tile_max);
                if (first_class < in.kept.classes)
                    keep_logits(in.kept, tile, run.row_tile * kTileRows, valid, group, unit, tile_max, x);
            } else if constexpr (Option::kCandidates) {
                OfRows<float> tile_max;
                const RowCandidates candidates(in.candidates, x, least, tile_max);
                rows.add(x, unit, [&](int p, int u) { return tile_max[p][u]; });
                largest = reduce_to_own(tile_max, FloatMaximum()) * unit;
                // No lse is below any logit of its row.
                const float raised = fminf(in.segments.least(largest), target - RowCandidates::kTargetMargin);
                least = max_or_nan(least, RowCandidates::finite_least(raised * fast_reciprocal(unit)));
                // Once candidates do not fit, none are of use.
                if (!candidates.store(in.candidates, x, unit, tile, run.row_tile * kConsumers + group))
                    least = RowCandidates::kNone;
            } else {
                largest = rows.template add<Option::kSegments>(x, unit);
            }
            if (Option::kSegments && own >= 0 && first_class < classes)
                in.segments.codes[first_class / kTileClasses * in.segments.pitch + own] =
                    in.segments.encode(largest, target);
        }
        const int64_t first = static_cast<int64_t>(run.slot) * kTileRows;
        if constexpr (Option::kExtras)
            rows.store(first, group, out);
        else
            rows.store(unit, first, group, out);
    }
}

}  // namespace cce::cuda::sm90
