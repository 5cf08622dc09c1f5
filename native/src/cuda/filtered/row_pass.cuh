// dE, one position a warp: its entries, tile by tile, then the sum of their rows of C.
#pragma once

#include "cuda/filtered/live.cuh"
#include "cuda/filtered/sums.cuh"

namespace cce::cuda::filtered {

// Entries of the position in one tile: of the unit's, which begin at `unit`, those by position from `first` on;
// `before` are queued before them.
struct Segment {
    uint32_t unit;
    uint32_t first;
    uint32_t before;
    int32_t tile;
};

constexpr int kRowTerms = 512;   // at a time
using RowTerms = Term[kRowTerms];
constexpr int kTilesAhead = 4;   // that a lane looks at at once
constexpr int kMostSegments = 2 * kTilesAhead * kWarp;
using Segments = Segment[kMostSegments];

// Collects the terms of one position from the lists. By a warp. `to` gets them one by one: takes(class), and
// put(place, term) of those that it takes, numbered from 0.
template <typename To>
class RowCollector {
public:
    __device__ RowCollector(const To &to, Segments &segments, const Work &work, const Window &window, int32_t i)
        : to_(to), segments_(segments), work_(work), window_(window), i_(i), row_(work.rows[i]) {}

    // Returns how many terms there are in all.
    __device__ uint32_t collect() {
        for (int32_t tile = window_.first_tile(); tile < window_.end_tile(); tile += kTilesAhead * kWarp) {
            queue_tiles(tile);
            if (queued_ + kTilesAhead * kWarp > kMostSegments) take_queue();
        }
        take_queue();
        return terms_before_;
    }

private:
    __device__ void queue_tiles(int32_t first_tile) {
        const Lists &lists = work_.lists;
        const int32_t block = i_ / kBlockRows;
        Live live[kTilesAhead];
        uint32_t rank[kTilesAhead], unit[kTilesAhead], begin[kTilesAhead], end[kTilesAhead], first[kTilesAhead];
        // One step at a time for all of them: each waits for memory.
#pragma unroll
        for (int a = 0; a < kTilesAhead; ++a) {
            const int32_t tile = first_tile + a * kWarp + lane_of();
            live[a] = Live{};
            rank[a] = unit[a] = begin[a] = end[a] = first[a] = 0;
            if (tile >= window_.end_tile()) continue;
            live[a] = live_of(work_, window_, tile, block);
            rank[a] = lists.rank[static_cast<int64_t>(tile) * lists.blocks + block];
            unit[a] = lists.tile_unit[tile];
        }
#pragma unroll
        for (int a = 0; a < kTilesAhead; ++a) {
            uint32_t in_block;
            if (!is_live(live[a], i_, &in_block)) continue;
            rank[a] += in_block;
            const Unit &of = lists.units[unit[a] + rank[a] / kUnitRows];
            begin[a] = of.rows[rank[a] % kUnitRows];
            end[a] = of.rows[rank[a] % kUnitRows + 1];
            first[a] = of.first;
        }
#pragma unroll
        for (int a = 0; a < kTilesAhead; ++a) {
            const uint32_t count = end[a] - begin[a];
            const uint32_t any = __ballot_sync(kAllLanes, count > 0);
            uint32_t total;
            const uint32_t before = entries_ + scan_lanes(count, &total);
            if (count > 0)
                segments_[queued_ + __popc(any & ((1u << lane_of()) - 1))] = {first[a], begin[a], before,
                                                                            first_tile + a * kWarp + lane_of()};
            queued_ += __popc(any);
            entries_ += total;
        }
        __syncwarp();
    }

    // The entries of all queued segments, one a lane.
    __device__ void take_queue() {
        for (uint32_t first = 0; first < entries_; first += kWarp) {
            const uint32_t e = first + lane_of();
            Term term;
            const bool taken = e < entries_ && take(e, &term);
            const uint32_t all = __ballot_sync(kAllLanes, taken);
            if (taken) to_.put(terms_before_ + __popc(all & ((1u << lane_of()) - 1)), term);
            terms_before_ += __popc(all);
        }
        __syncwarp();
        entries_ = 0;
        queued_ = 0;
    }

    // The term of a queued entry, if it is taken.
    __device__ bool take(uint32_t e, Term *term) const {
        int32_t segment = 0;
        for (int32_t end = queued_; end - segment > 1;) {
            const int32_t middle = (segment + end) / 2;
            if (segments_[middle].before <= e)
                segment = middle;
            else
                end = middle;
        }
        const Segment of = segments_[segment];
        const Lists &lists = work_.lists;
        const uint32_t at = of.unit + of.first + e - of.before;
        const uint32_t place = lists.places[at];  // asked for before the class is known
        const int32_t j = of.tile * kTileClasses + lists.classes[at];
        if (!to_.takes(j)) return false;
        const float z = lists.logits[of.unit + place];
        const float p = probability(z, row_.lse);
        *term = {j, kept_dz(work_, row_, z, p, j == row_.target, work_.control->filter_embeddings)};
        return true;
    }

    const To &to_;
    Segments &segments_;
    const Work &work_;
    const Window &window_;
    const int32_t i_;
    const RowGradient row_;
    uint32_t terms_before_ = 0;
    uint32_t entries_ = 0;  // queued
    int32_t queued_ = 0;    // segments
};

// Terms of a window's positions, collected from the lists.
struct CollectedRows {
    struct Part {
        RowTerms &terms;
        uint32_t from;

        __device__ static bool takes(int32_t) { return true; }
        __device__ void put(uint32_t place, const Term &term) const {
            if (place - from < kRowTerms) terms[place - from] = term;  // below `from` it wraps around
        }
    };

    Segments &segments;
    const Work &work;
    const Window &window;

    // To collect them twice would cost more than it saves.
    template <typename F>
    __device__ static void share_out(unsigned long long *taken, int32_t count, int64_t width, F f) {
        for_each_part(taken, count, width, f);
    }

    // Fills `terms` with those from `from` on. Returns how many there are in all. By a warp.
    __device__ uint32_t fill(RowTerms &terms, int32_t i, uint32_t from) const {
        return RowCollector(Part{terms, from}, segments, work, window, i).collect();
    }
};

// The same of all positions, where they are listed.
struct ListedRows {
    const ListedTerms &listed;

    template <typename F>
    __device__ static void share_out(unsigned long long *taken, int32_t count, int64_t width, F f) {
        for_each_span(taken, count, width, f);
    }

    __device__ uint32_t fill(RowTerms &terms, int32_t i, uint32_t from) const {
        const TermRange range = listed.of_position[i];
        const uint32_t end = Minimum()(range.count, from + kRowTerms);
        for (uint32_t k = from + lane_of(); k < end; k += kWarp)
            terms[k - from] = listed.by_position[range.first + k];
        __syncwarp();
        return range.count;
    }
};

// What the sum of a position begins with: the share of the frequent classes, or what label smoothing contributes.
__device__ inline void begin_row(SpanSum &sum, const Work &work, int32_t i, int64_t first) {
    const int64_t width = work.embeddings.width;
    if (work.control->frequent_classes == 0) {
        begin_sum(sum, work.classes_sum, work.rows[i].smoothing * work.logits.map.inverse_temperature, width, first);
        return;
    }
    const auto *const from = reinterpret_cast<const float4 *>(work.frequent.sums + i * width);
#pragma unroll
    for (int p = 0; p < kPieces; ++p)
#pragma unroll
        for (int v = 0; v < kPiece / 4; ++v) {
            const int64_t at = piece_of(first, p) + 4 * v;
            const float4 four = at < width ? __ldcs(from + at / 4) : float4{};
            sum[p][4 * v] = four.x;
            sum[p][4 * v + 1] = four.y;
            sum[p][4 * v + 2] = four.z;
            sum[p][4 * v + 3] = four.w;
        }
}

// Spans of a position. By a warp.
template <typename T, bool kAligned, typename Source>
__device__ void sum_row(RowTerms &terms, const Source &source, const Work &work, int32_t i, const Spans &spans) {
    const uint32_t count = source.fill(terms, i, 0);
    const int64_t end = Minimum()(spans.end, work.embeddings.width);
    for (int64_t first = spans.first; first < end; first += kSpan) {
        SpanSum sum;
        begin_row(sum, work, i, first);
        for (uint32_t from = 0; from < count; from += kRowTerms) {
            // Most positions have all of their terms in shared memory for every span.
            if (count > kRowTerms) source.fill(terms, i, from);
            add_terms<T, kAligned>(sum, terms, Minimum()(count - from, static_cast<uint32_t>(kRowTerms)),
                                   work.logits.classifier, work.embeddings.width, first);
            __syncwarp();
        }
        store_span_as<T, kAligned>(work.embeddings, i, sum, first, work.control->initial);
    }
    __syncwarp();
}

// The positions of the window, for the classes of all. The whole grid.
template <typename T, bool kAligned, typename Source>
__device__ void sum_rows(RowTerms &terms, const Source &source, const Work &work, const Window &window) {
    source.share_out(&work.lists.counters->rows, window.end_row - window.first_row, work.embeddings.width,
                     [&](int32_t row, const Spans &spans) {
                         sum_row<T, kAligned>(terms, source, work, window.first_row + row, spans);
                     });
}

}  // namespace cce::cuda::filtered
