// dC and db. Most classes have few entries or none: a warp takes some neighbours, whose entries of a unit follow each
// other, and sums one after the other. Classes of more entries are listed and taken one by one (heavy_pass.cuh). The
// most frequent ones may be none of ours (frequent.h).
#pragma once

#include "cuda/filtered/class_sources.cuh"
#include "cuda/filtered/sums.cuh"

namespace cce::cuda::filtered {

__device__ inline void store_bias(const Work &work, int32_t j, double sum) {
    if (work.rows_sum != nullptr)
        sum -= static_cast<double>(work.weight(j)) * work.logits.map.inverse_temperature *
               work.rows_sum[work.logits.hidden];
    const GradientStore &to = work.bias;
    const float before = to.add ? load(to.array, to.dtype, j) : 0.0f;
    store(to.array, to.dtype, j, static_cast<float>(before + sum) + to.control->initial);
}

__device__ inline double sum_terms(const Term *terms, int32_t count) {
    double sum = 0.0;
    for (int32_t k = lane_of(); k < count; k += kWarp) sum += terms[k].dz;
    return reduce_lanes(sum, Sum());
}

__device__ inline float smoothing_factor(const Work &work, int32_t j) {
    return work.rows_sum == nullptr ? 0.0f : work.weight(j) * work.logits.map.inverse_temperature;
}

// Spans of a class whose terms are at hand, by a warp.
template <typename T, bool kAligned>
__device__ void sum_class(const Work &work, int32_t j, const Term *terms, int32_t count, const Spans &spans) {
    if (work.bias.array != nullptr && spans.first == 0) {
        const double sum = sum_terms(terms, count);
        if (lane_of() == 0) store_bias(work, j, sum);
    }
    if (work.classifier.array == nullptr) return;
    const float factor = smoothing_factor(work, j);
    for (int64_t first = spans.first; first < Minimum()(spans.end, work.classifier.width); first += kSpan) {
        SpanSum sum;
        begin_sum(sum, work.rows_sum, factor, work.classifier.width, first);
        add_terms<T, kAligned>(sum, terms, count, work.logits.embeddings, work.classifier.width, first);
        store_span_as<T, kAligned>(work.classifier, j, sum, first, work.control->initial);
    }
}

__device__ inline void list_class(const Lists &lists, int32_t j, uint32_t count) {
    if (count > kHeavyEntries)
        lists.heavy[atomicAdd(&lists.counters->heaviest, 1u)] = j;
    else
        lists.heavy[lists.most_heavy - 1 - atomicAdd(&lists.counters->heavy, 1u)] = j;
}

// A span of the classes from `first_class` on that `summed` has a bit for. Each lane's own class ends before term
// `own_end`, all before `total`. The terms are one stream, so that rows of several classes are on their way at a time.
// It loads in one place and stores in one: more of each took longer.
template <typename T, bool kAligned>
__device__ void sum_stream(const Terms &terms, const Work &work, int32_t first_class, uint32_t summed, uint32_t own_end,
                           uint32_t total, int64_t first) {
    using Rows = RowsAtOnce<T, kAligned>;
    const int64_t width = work.classifier.width;
    const SpanOfRows<T, kAligned> span(work.logits.embeddings, width, first);
    const float initial = work.control->initial;
    const auto first_lane = [](uint32_t lanes) { return __ffs(static_cast<int>(lanes)) - 1; };
    SpanSum sum;
    Rows rows;
    int32_t next = Rows::kRows;  // of the rows at hand
    uint32_t k = 0;
    for (uint32_t left = summed; left != 0; left &= left - 1) {
        const int32_t j = first_class + first_lane(left);
        const uint32_t end = __shfl_sync(kAllLanes, own_end, first_lane(left));
        begin_sum(sum, work.rows_sum, smoothing_factor(work, j), width, first);
        for (; k < end; ++k) {
            if (next == Rows::kRows) {
                rows.load(span, terms + k, total - k);
                next = 0;
            }
#pragma unroll
            for (int r = 0; r < Rows::kRows; ++r)
                if (r == next) rows.add(sum, r);
            ++next;
        }
        store_span_as<T, kAligned>(work.classifier, j, sum, first, initial);
    }
}

// Spans of some classes from `first_class` on; heavy ones are put on a list instead, and frequent ones are left alone.
// By a warp.
template <typename T, bool kAligned, typename Source>
__device__ void sum_group(Terms &terms, const Source &source, const Work &work, const Window &window,
                          int32_t first_class, const Spans &spans) {
    const int32_t j = first_class + lane_of();
    const bool exists = lane_of() < Source::kClasses && j >= window.first_class && j < window.end_class;
    const bool is_ours = exists && work.frequent_place(j) == Frequent::kNone;
    uint32_t count = source.counts(first_class);
    const bool heavy = count > kLightEntries;
    if (heavy && is_ours && spans.first == 0) list_class(work.lists, j, count);
    const uint32_t summed = __ballot_sync(kAllLanes, is_ours && !heavy);
    if ((summed >> lane_of() & 1) == 0) count = 0;
    uint32_t total;
    const uint32_t begin = scan_lanes(count, &total);
    source.fill(terms, first_class, count, begin);
    if (work.bias.array != nullptr && spans.first == 0)
        for (uint32_t left = summed; left != 0; left &= left - 1) {
            const int32_t lane = __ffs(static_cast<int>(left)) - 1;
            const double sum = sum_terms(terms + __shfl_sync(kAllLanes, begin, lane),
                                         static_cast<int32_t>(__shfl_sync(kAllLanes, count, lane)));
            if (lane_of() == 0) store_bias(work, first_class + lane, sum);
        }
    if (work.classifier.array == nullptr) return;
    for (int64_t first = spans.first; first < Minimum()(spans.end, work.classifier.width); first += kSpan)
        sum_stream<T, kAligned>(terms, work, first_class, summed, begin + count, total, first);
    __syncwarp();
}

// The classes of the window but for heavy ones, for the positions of all. The whole grid.
template <typename T, bool kAligned, typename Source>
__device__ void sum_classes(Terms &terms, const Source &source, const Work &work, const Window &window) {
    constexpr int kTileGroups = kTileClasses / Source::kClasses;
    const int32_t first_group = window.first_tile() * kTileGroups;
    const int32_t groups = window.end_tile() * kTileGroups - first_group;
    source.share_out(&work.lists.counters->groups, groups, work.classifier.width,
                     [&](int32_t group, const Spans &spans) {
                         const int32_t first_class = (first_group + group) * Source::kClasses;
                         if (first_class < window.end_class && first_class + Source::kClasses > window.first_class)
                             sum_group<T, kAligned>(terms, source, work, window, first_class, spans);
                     });
}

}  // namespace cce::cuda::filtered
