// dC and db. Most classes have few entries or none: a warp takes some neighbours, whose entries of a unit follow each
// other, and sums one after the other. Classes of more entries are listed and taken one by one: heavy ones by a warp,
// the heaviest by a whole thread block. The most frequent ones may be none of ours (frequent.h).
#pragma once

#include "cuda/filtered/live.cuh"
#include "cuda/filtered/sums.cuh"

namespace cce::cuda::filtered {

// The first lane whose `end`, ascending from lane to lane, is above `k`; the last one if none is.
__device__ inline int32_t find_lane(uint32_t end, uint32_t k) {
    int32_t lane = 0;
#pragma unroll
    for (int step = kWarp / 2; step > 0; step /= 2)
        if (__shfl_sync(kAllLanes, end, lane + step - 1) <= k) lane += step;
    return lane;
}

// The term of an entry that this lane has, if it has one. The whole warp must call it.
__device__ inline Term class_term(const Work &work, const Window &window, const BlockRanks &ranks, int32_t j,
                                  uint32_t rank, float z, bool exists) {
    const int32_t tile = j / kTileClasses;
    const int32_t i = position_of(work, window, ranks, tile, exists ? rank : 0);
    if (!exists) return {0, 0.0f};
    const RowGradient row = work.rows[i];
    const float p = probability(z, row.lse);
    return {static_cast<int32_t>(work.tokens[i]),
            kept_dz(work, row, z, p, j == row.target, work.control->filter_classifier)};
}

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

// Terms of a window's classes, collected from the lists. All by a warp.
struct CollectedClasses {
    static constexpr int kClasses = kWarp;  // that a warp takes

    const Work &work;
    const Window &window;

    // To collect them twice would cost more than it saves.
    template <typename F>
    __device__ static void share_out(unsigned long long *taken, int32_t count, int64_t width, F f) {
        for_each_part(taken, count, width, f);
    }

    // How many terms each lane's own of the neighbouring classes has; 0 in other lanes.
    __device__ uint32_t counts(int32_t first_class) const {
        const Lists &lists = work.lists;
        const int32_t tile = first_class / kTileClasses;
        const int32_t c = first_class % kTileClasses + lane_of();
        uint32_t count = 0;
        for (uint32_t unit = lists.tile_unit[tile]; unit < lists.tile_unit[tile + 1]; ++unit)
            count += lists.units[unit].classes[c + 1] - lists.units[unit].classes[c];
        return count;
    }

    // Fills `terms` with those of the lanes whose count is not 0; each lane's own begin at `begin`.
    __device__ void fill(Term *terms, int32_t first_class, uint32_t count, uint32_t begin) const {
        const Lists &lists = work.lists;
        const int32_t tile = first_class / kTileClasses;
        const int32_t c = first_class % kTileClasses + lane_of();
        const uint32_t first_unit = lists.tile_unit[tile];
        const uint32_t end_unit = __any_sync(kAllLanes, count > 0) ? lists.tile_unit[tile + 1] : first_unit;
        uint32_t filled = begin;
        const BlockRanks ranks(work, window, tile);
        for (uint32_t unit = first_unit; unit < end_unit; ++unit) {
            const Unit &of = lists.units[unit];
            const uint32_t from = of.classes[c];
            const uint32_t until = of.classes[c + 1];
            const uint32_t end = __shfl_sync(kAllLanes, until, kWarp - 1);
            for (uint32_t base = __shfl_sync(kAllLanes, from, 0); base < end; base += kWarp) {
                const uint32_t k = base + lane_of();
                const int32_t owner = find_lane(until, k);  // whose class this lane's entry is of
                const uint32_t place = __shfl_sync(kAllLanes, filled, owner) + k - __shfl_sync(kAllLanes, from, owner);
                const bool wanted = __shfl_sync(kAllLanes, count, owner) > 0;
                const bool taken = k < end && wanted;
                const uint32_t slot = taken ? lists.slots[of.first + k] : 0;
                const Term term = class_term(work, window, ranks, first_class + owner,
                                             (unit - first_unit) * kUnitRows + slot,
                                             taken ? lists.logits[of.first + k] : 0.0f, taken);
                if (taken) terms[place] = term;
            }
            if (count > 0) filled += until - from;
        }
        __syncwarp();
    }

    // How many terms a class has.
    __device__ uint32_t count(int32_t j) const {
        const Lists &lists = work.lists;
        const int32_t tile = j / kTileClasses;
        const int32_t c = j % kTileClasses;
        uint32_t count = 0;
        for (uint32_t unit = lists.tile_unit[tile] + lane_of(); unit < lists.tile_unit[tile + 1]; unit += kWarp)
            count += lists.units[unit].classes[c + 1] - lists.units[unit].classes[c];
        return reduce_lanes(count, Sum());
    }

    // Fills `terms` with [from, end) of a class.
    __device__ void fill_of(Term *terms, int32_t j, uint32_t from, uint32_t end) const {
        const Lists &lists = work.lists;
        const int32_t tile = j / kTileClasses;
        const int32_t c = j % kTileClasses;
        const uint32_t first_unit = lists.tile_unit[tile];
        const uint32_t end_unit = lists.tile_unit[tile + 1];
        const BlockRanks ranks(work, window, tile);
        uint32_t before = 0;
        for (uint32_t base = first_unit; base < end_unit && before < end; base += kWarp) {
            const uint32_t own = base + lane_of();
            uint32_t first = 0, count = 0;
            if (own < end_unit) {
                first = lists.units[own].first + lists.units[own].classes[c];
                count = lists.units[own].classes[c + 1] - lists.units[own].classes[c];
            }
            uint32_t total;
            const uint32_t begin = before + scan_lanes(count, &total);
            const uint32_t last = Minimum()(before + total, end);
            for (uint32_t at = Maximum()(from, before); at < last; at += kWarp) {
                const uint32_t k = at + lane_of();
                const int32_t owner = find_lane(begin + count, k);
                const uint32_t entry = __shfl_sync(kAllLanes, first, owner) + k - __shfl_sync(kAllLanes, begin, owner);
                const bool taken = k < last;
                const uint32_t slot = taken ? lists.slots[entry] : 0;
                const Term term = class_term(work, window, ranks, j, (base + owner - first_unit) * kUnitRows + slot,
                                             taken ? lists.logits[entry] : 0.0f, taken);
                if (taken) terms[k - from] = term;
            }
            before += total;
        }
        __syncwarp();
    }
};

// The same of all classes, where terms are listed: to take fewer at a time costs little, and warps end together.
struct ListedClasses {
    static constexpr int kClasses = 16;

    const ListedTerms &listed;
    int32_t classes;

    template <typename F>
    __device__ static void share_out(unsigned long long *taken, int32_t count, int64_t width, F f) {
        for_each_span(taken, count, width, f);
    }

    __device__ uint32_t counts(int32_t first_class) const {
        const int32_t j = first_class + lane_of();
        return lane_of() < kClasses && j < classes ? count(j) : 0;
    }

    __device__ void fill(Term *terms, int32_t first_class, uint32_t count, uint32_t begin) const {
        const uint32_t from = listed.class_begin[Minimum()(first_class + lane_of(), classes)];
        const uint32_t end = __shfl_sync(kAllLanes, begin + count, kWarp - 1);
        for (uint32_t base = 0; base < end; base += kWarp) {
            const uint32_t k = base + lane_of();
            const int32_t owner = find_lane(begin + count, k);
            const uint32_t at = __shfl_sync(kAllLanes, from, owner) + k - __shfl_sync(kAllLanes, begin, owner);
            if (k < end) terms[k] = listed.by_class[at];
        }
        __syncwarp();
    }

    __device__ uint32_t count(int32_t j) const { return listed.class_begin[j + 1] - listed.class_begin[j]; }

    __device__ void fill_of(Term *terms, int32_t j, uint32_t from, uint32_t end) const {
        const Term *of_class = listed.by_class + listed.class_begin[j];
        for (uint32_t k = from + lane_of(); k < end; k += kWarp) terms[k - from] = of_class[k];
        __syncwarp();
    }
};

// A span of the classes from `first_class` on that `summed` has a bit for. Each lane's own class ends before term
// `own_end`, all before `total`. The terms are one stream, so that rows of several classes are on their way at a time.
// The loop has one place where it loads and one where it stores, for more of them is more than instruction caches hold.
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

// What each warp of a thread block has in shared memory.
template <int kBlockWarps>
struct HeavyShared {
    Term terms[kBlockWarps][kHeavyEntries];
    float sums[kBlockWarps][kSpan];
    double bias[kBlockWarps];
};

// One span of a class, or its bias, by a thread block: each warp has an equal part of the entries; the parts are
// added in their order.
template <typename T, bool kAligned, int kBlockWarps, typename Source>
__device__ void sum_heaviest_class(HeavyShared<kBlockWarps> &shared, const Source &source, const Work &work, int32_t j,
                                   int64_t first) {
    const uint32_t count = source.count(j);
    const int32_t warp = warp_of();
    Term *terms = shared.terms[warp];
    const uint32_t each = (count + kBlockWarps - 1) / kBlockWarps;
    const uint32_t begin = Minimum()(each * warp, count);
    const uint32_t end = Minimum()(begin + each, count);
    const bool with_bias = first == 0 && work.bias.array != nullptr;
    double bias = 0.0;
    SpanSum sum;
    begin_sum(sum, nullptr, 0.0f, work.classifier.width, first);
    for (uint32_t from = begin; from < end; from += kHeavyEntries) {
        const uint32_t until = Minimum()(from + kHeavyEntries, end);
        const auto here = static_cast<int32_t>(until - from);
        source.fill_of(terms, j, from, until);
        if (with_bias) bias += sum_terms(terms, here);
        if (work.classifier.array != nullptr)
            add_terms<T, kAligned>(sum, terms, here, work.logits.embeddings, work.classifier.width, first);
        __syncwarp();
    }
    __syncthreads();
    shared.bias[warp] = bias;
#pragma unroll
    for (int p = 0; p < kPieces; ++p)
#pragma unroll
        for (int e = 0; e < kPiece; ++e) shared.sums[warp][(p * kPiece + e) * kWarp + lane_of()] = sum[p][e];
    __syncthreads();
    if (warp != 0) return;
    if (with_bias && lane_of() == 0) {
        double whole = 0.0;
        for (int w = 0; w < kBlockWarps; ++w) whole += shared.bias[w];
        store_bias(work, j, whole);
    }
    if (work.classifier.array == nullptr) return;
    begin_sum(sum, work.rows_sum, smoothing_factor(work, j), work.classifier.width, first);
#pragma unroll
    for (int p = 0; p < kPieces; ++p)
#pragma unroll
        for (int e = 0; e < kPiece; ++e)
            for (int w = 0; w < kBlockWarps; ++w) sum[p][e] += shared.sums[w][(p * kPiece + e) * kWarp + lane_of()];
    store_span_as<T, kAligned>(work.classifier, j, sum, first, work.control->initial);
}

// The classes that sum_classes listed. At the heaviest all blocks are at the same span of different classes, so that
// this part of E stays in the L2 cache. The whole grid.
template <typename T, bool kAligned, int kBlockWarps, typename Source>
__device__ void sum_heavy_classes(HeavyShared<kBlockWarps> &shared, const Source &source, const Work &work) {
    const Lists &lists = work.lists;
    const int64_t spans = work.classifier.array == nullptr ? 1 : (work.classifier.width + kSpan - 1) / kSpan;
    const uint32_t heaviest = lists.counters->heaviest;
    for (int64_t item = blockIdx.x; item < heaviest * spans; item += gridDim.x)
        sum_heaviest_class<T, kAligned>(shared, source, work, static_cast<int32_t>(lists.heavy[item % heaviest]),
                                        item / heaviest * kSpan);
    Term *terms = shared.terms[warp_of()];
    source.share_out(&lists.counters->classes, static_cast<int32_t>(lists.counters->heavy), work.classifier.width,
                     [&](int32_t k, const Spans &part) {
                         const auto j = static_cast<int32_t>(lists.heavy[lists.most_heavy - 1 - k]);
                         const uint32_t count = source.count(j);
                         source.fill_of(terms, j, 0, count);
                         sum_class<T, kAligned>(work, j, terms, static_cast<int32_t>(count), part);
                         __syncwarp();
                     });
}

}  // namespace cce::cuda::filtered
