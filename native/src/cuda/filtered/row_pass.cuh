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

// Collects the terms of one position. By a warp.
class RowCollector {
public:
    // Terms [from, from + kRowTerms) go to `terms`.
    __device__ RowCollector(RowTerms &terms, Segments &segments, const Work &work, const Window &window, int32_t i,
                            const RowGradient &row, uint32_t from)
        : terms_(terms), segments_(segments), work_(work), window_(window), i_(i), row_(row), from_(from) {}

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
        const Lists &lists = work_.lists;
        const float for_embeddings = work_.control->filter_embeddings;
        for (uint32_t e = lane_of(); e < entries_; e += kWarp) {
            int32_t segment = 0;
            for (int32_t end = queued_; end - segment > 1;) {
                const int32_t middle = (segment + end) / 2;
                if (segments_[middle].before <= e)
                    segment = middle;
                else
                    end = middle;
            }
            const Segment of = segments_[segment];
            const uint32_t at = of.unit + of.first + e - of.before;
            const int32_t j = of.tile * kTileClasses + lists.classes[at];
            const float z = lists.logits[of.unit + lists.places[at]];
            const float p = probability(z, row_.lse);
            const bool is_target = j == row_.target;
            const uint32_t place = terms_before_ + e - from_;  // below `from` it wraps around
            if (place < kRowTerms) terms_[place] = {j, kept_dz(work_, row_, z, p, is_target, for_embeddings)};
        }
        __syncwarp();
        terms_before_ += entries_;
        entries_ = 0;
        queued_ = 0;
    }

    RowTerms &terms_;
    Segments &segments_;
    const Work &work_;
    const Window &window_;
    const int32_t i_;
    const RowGradient &row_;
    const uint32_t from_;
    uint32_t terms_before_ = 0;
    uint32_t entries_ = 0;  // queued
    int32_t queued_ = 0;    // segments
};

// Spans of a position. By a warp.
template <typename T, bool kAligned>
__device__ void sum_row(RowTerms &terms, Segments &segments, const Work &work, const Window &window, int32_t i,
                        const Spans &spans) {
    const RowGradient row = work.rows[i];
    const uint32_t count = RowCollector(terms, segments, work, window, i, row, 0).collect();
    const int64_t end = Minimum()(spans.end, work.embeddings.width);
    for (int64_t first = spans.first; first < end; first += kSpan) {
        SpanSum sum;
        begin_sum(sum, work.classes_sum, row.smoothing * work.logits.map.inverse_temperature, work.embeddings.width,
                  first);
        for (uint32_t from = 0; from < count; from += kRowTerms) {
            // Most positions have all of their terms in shared memory for every span.
            if (count > kRowTerms) RowCollector(terms, segments, work, window, i, row, from).collect();
            add_terms<T, kAligned>(sum, terms, Minimum()(count - from, static_cast<uint32_t>(kRowTerms)),
                                   work.logits.classifier, work.embeddings.width, first);
            __syncwarp();
        }
        store_span_as<T, kAligned>(work.embeddings, i, sum, first);
    }
    __syncwarp();
}

// The positions of the window, for the classes of all. The whole grid.
template <typename T, bool kAligned>
__device__ void sum_rows(RowTerms &terms, Segments &segments, const Work &work, const Window &window) {
    for_each_part(&work.lists.counters->rows, window.end_row - window.first_row, work.embeddings.width,
                  [&](int32_t row, const Spans &spans) {
                      sum_row<T, kAligned>(terms, segments, work, window, window.first_row + row, spans);
                  });
}

}  // namespace cce::cuda::filtered
