// dE, one position a warp: its entries, tile by tile, then the sum of their rows of C. And what the filters dropped of
// it: 1 minus what they kept, both measured with the same lse.
#pragma once

#include "cuda/filtered/live.cuh"
#include "cuda/filtered/sums.cuh"

namespace cce::cuda::filtered {

// What is known of a position while its entries are collected.
struct KeptMass {
    float embeddings;  // of this lane
    float classifier;
};

// Writes the position's terms [from, from + kMostTerms) to `terms` and returns how many terms there are in all. By a
// warp.
__device__ inline uint32_t collect_row(Terms &terms, const Work &work, const Window &window, int32_t i,
                                       const RowGradient &row, uint32_t from, KeptMass *mass) {
    const Lists &lists = work.lists;
    const int32_t block = i / kBlockRows;
    const int32_t word = i % kBlockRows / 32;
    const uint32_t below = (1u << i % 32) - 1;
    const float for_embeddings = work.control->filter_embeddings;
    const float for_classifier = work.control->filter_classifier;
    *mass = {0.0f, 0.0f};
    uint32_t terms_before = 0;
    for (int32_t first_tile = window.first_tile(); first_tile < window.end_tile(); first_tile += kWarp) {
        const int32_t tile = first_tile + lane_of();
        uint32_t begin = 0, end = 0, first = 0;
        if (tile < window.end_tile()) {
            const Live live = live_of(work, window, tile, block);
            uint32_t rank = 0;
            bool is_live = false;
#pragma unroll
            for (int w = 0; w < kBlockRows / 32; ++w) {
                if (w < word) rank += __popc(live.words[w]);
                if (w != word) continue;
                rank += __popc(live.words[w] & below);
                is_live = live.words[w] >> i % 32 & 1;
            }
            if (is_live) {
                rank += lists.rank[static_cast<int64_t>(tile) * lists.blocks + block];
                const Unit &unit = lists.units[lists.tile_unit[tile] + rank / kUnitRows];
                begin = unit.rows[rank % kUnitRows];
                end = unit.rows[rank % kUnitRows + 1];
                first = unit.first;
            }
        }
        uint32_t total;
        uint32_t at = terms_before + scan_lanes(end - begin, &total) - from;
        for (uint32_t k = begin; k < end; ++k, ++at) {
            const int32_t j = tile * kTileClasses + lists.classes[first + k];
            const float z = lists.logits[first + lists.places[first + k]];
            const float p = probability(z, row.lse);
            const bool is_target = j == row.target;
            if (is_target || !(p < for_embeddings)) mass->embeddings += p;
            if (is_target || !(p < for_classifier)) mass->classifier += p;
            if (at < kMostTerms) terms[at] = {j, kept_dz(work, row, z, p, is_target, for_embeddings)};
        }
        terms_before += total;
    }
    __syncwarp();
    return terms_before;
}

__device__ inline void store_dropped(const Work &work, int32_t i, const KeptMass &kept) {
    const float of_embeddings = reduce_lanes(kept.embeddings, Sum());
    const float of_classifier = reduce_lanes(kept.classifier, Sum());
    if (lane_of() != 0) return;
    work.dropped[i] = fmaxf(1.0f - of_embeddings, 0.0f);
    work.dropped[work.dropped_pitch + i] = fmaxf(1.0f - of_classifier, 0.0f);
}

// The positions of the window, for the classes of all. The whole grid.
template <typename T, bool kAligned>
__device__ void sum_rows(Terms &terms, const Work &work, const Window &window) {
    const bool wanted = work.embeddings.array != nullptr && work.mode != Mode::kMeasure;
    const int32_t end = Minimum()(static_cast<int64_t>(window.end_row), work.control->valid);
    for (int32_t i = window.first_row + grid_warp(); i < end; i += grid_warps()) {
        const RowGradient row = work.rows[i];
        KeptMass mass;
        const uint32_t count = collect_row(terms, work, window, i, row, 0, &mass);
        if (work.dropped != nullptr) store_dropped(work, i, mass);
        for (int64_t first = 0; wanted && first < work.embeddings.width; first += kSpan) {
            SpanSum sum;
            begin_sum(sum, work.classes_sum, row.smoothing * work.logits.map.inverse_temperature,
                      work.embeddings.width, first);
            for (uint32_t from = 0; from < count; from += kMostTerms) {
                // Most positions have all of their terms in shared memory for every span.
                if (count > kMostTerms) collect_row(terms, work, window, i, row, from, &mass);
                add_terms<T, kAligned>(sum, terms, Minimum()(count - from, static_cast<uint32_t>(kMostTerms)),
                                       work.logits.classifier, work.embeddings.width, first);
                __syncwarp();
            }
            store_span_as<T, kAligned>(work.embeddings, i, sum, first);
        }
        __syncwarp();
    }
}

}  // namespace cce::cuda::filtered
