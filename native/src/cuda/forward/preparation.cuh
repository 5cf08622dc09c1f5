// Which positions count, in ascending order, and the sums that the mean divides by, in three phases: each warp
// summarises spans of 256 positions; one block turns the summaries into offsets and fills the header; each warp lists
// the positions of its spans that count and clears the results of the others. A barrier of all warps comes between the
// phases: that of a block, or the end of a kernel. Either way the sums are added in the same order.
#pragma once

#include <climits>

#include "cuda/check.h"
#include "cuda/forward/row_results.cuh"
#include "cuda/reduce.cuh"

namespace cce::cuda {

struct Span {
    static constexpr int kWords = 8;
    static constexpr int kRows = kWords * kWarp;

    int64_t valid;            // positions that count; then the number of those before this span
    int64_t first_bad;        // lowest r with a target out of range, or INT64_MAX
    double weight;            // sum of t[i] * w[y[i]]
    uint32_t counts[kWords];  // one bit a position
};

struct Preparation {
    Batch batch;
    int64_t rows;
    bool mean;
    int64_t segment_classes;  // of the segment codes that the sweep will fill, or 0
    int64_t kept_classes;     // whose logits the sweep will keep
    bool candidates;          // whether it will look for them
    uint64_t fingerprint;
    Span *spans;
    StateHeader *header;
    int64_t *valid_rows;
    RowResults results;

    __host__ __device__ int64_t span_count() const { return div_up(rows, Span::kRows); }

    // One warp.
    __device__ void summarise(int64_t span) const {
        const int lane = static_cast<int>(threadIdx.x) % kWarp;
        const int64_t first = span * Span::kRows + lane;
        int64_t targets[Span::kWords];  // asked for all at once
#pragma unroll
        for (int word = 0; word < Span::kWords; ++word) {
            const int64_t r = first + word * kWarp;
            targets[word] = r < rows && batch.targets != nullptr ? batch.target(r) : batch.ignore_index;
        }
        int64_t valid = 0;
        int64_t bad = INT64_MAX;
        double weight = 0.0;
#pragma unroll
        for (int word = 0; word < Span::kWords; ++word) {
            const int64_t r = first + word * kWarp;
            const bool is_class = batch.is_class(targets[word]);
            if (is_class) weight += static_cast<double>(batch.token_weight(r)) * batch.class_weight(targets[word]);
            if (batch.is_bad(targets[word])) bad = Minimum()(bad, r);
            const unsigned counts = __ballot_sync(kAllLanes, is_class || (batch.targets == nullptr && r < rows));
            valid += __popc(counts);
            if (lane == word) spans[span].counts[word] = counts;
        }
        bad = reduce_lanes(bad, Minimum());
        weight = reduce_lanes(weight, Sum());
        if (lane != 0) return;
        spans[span].valid = valid;
        spans[span].first_bad = bad;
        spans[span].weight = weight;
    }

    // One block of kThreads.
    __device__ void count() const {
        __shared__ int64_t scan[kThreads];
        const int64_t end = span_count();
        int64_t valid = 0;
        int64_t bad = INT64_MAX;
        double weight = 0.0;
        for (int64_t first = 0; first < end; first += kThreads) {
            const int64_t s = first + threadIdx.x;
            const int64_t in_span = s < end ? spans[s].valid : 0;
            const int64_t through = scan_block(in_span, scan);
            if (s < end) {
                spans[s].valid = valid + through - in_span;
                bad = Minimum()(bad, spans[s].first_bad);
                weight += spans[s].weight;
            }
            valid += scan[kThreads - 1];
            __syncthreads();  // the next round overwrites scan
        }
        bad = reduce_block(bad, Minimum());
        weight = reduce_block(weight, Sum());
        const double class_weights = class_weight_sum();
        if (threadIdx.x != 0) return;
        const bool has_bad = bad != INT64_MAX;
        header->fingerprint = fingerprint;
        header->valid = valid;
        header->bad_row = has_bad ? bad : -1;
        header->bad_target = has_bad ? batch.target(bad) : 0;
        header->divisor = mean ? weight : 1.0;
        header->class_weight_sum = class_weights;
        header->segment_classes = segment_classes;
        header->kept_classes = kept_classes;
        header->candidate_pairs = candidates ? 0 : kNoCandidates;
        if (results.blocks_done != nullptr) *results.blocks_done = 0;
    }

    // One warp.
    __device__ void list(int64_t span) const {
        const int lane = static_cast<int>(threadIdx.x) % kWarp;
        int64_t place = spans[span].valid;
#pragma unroll
        for (int word = 0; word < Span::kWords; ++word) {
            const int64_t r = span * Span::kRows + word * kWarp + lane;
            const unsigned counts = spans[span].counts[word];
            if (counts >> lane & 1)
                valid_rows[place + __popc(counts & ((1u << lane) - 1))] = r;
            else if (r < rows)
                results.clear(batch, r);
            place += __popc(counts);
        }
    }

    // All phases by one block of kThreads.
    __device__ void run() const {
        constexpr int kWarps = kThreads / kWarp;
        const int64_t warp = threadIdx.x / kWarp;
        for (int64_t span = warp; span < span_count(); span += kWarps) summarise(span);
        __syncthreads();
        count();
        __syncthreads();
        for (int64_t span = warp; span < span_count(); span += kWarps) list(span);
    }

    // Whether one block takes no longer than three launches.
    bool is_small() const {
        constexpr int64_t kFewRows = 16384;
        return rows <= kFewRows;
    }

private:
    // The sum of the values of this thread and of those before it in the block.
    __device__ static int64_t scan_block(int64_t value, int64_t (&shared)[kThreads]) {
        shared[threadIdx.x] = value;
        __syncthreads();
        for (unsigned distance = 1; distance < kThreads; distance *= 2) {
            const int64_t before = threadIdx.x >= distance ? shared[threadIdx.x - distance] : 0;
            __syncthreads();
            shared[threadIdx.x] += before;
            __syncthreads();
        }
        return shared[threadIdx.x];
    }

    // The same in all threads of a block.
    __device__ double class_weight_sum() const {
        if (batch.class_weights == nullptr) return static_cast<double>(batch.classes);
        double sum = 0.0;
#pragma unroll 16
        for (int64_t j = threadIdx.x; j < batch.classes; j += kThreads) sum += batch.class_weights[j];
        return reduce_block(sum, Sum());
    }
};

}  // namespace cce::cuda
