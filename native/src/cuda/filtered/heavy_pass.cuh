// dC and db of classes of many entries: heavy ones by a warp, the heaviest by a whole thread block.
#pragma once

#include "cuda/filtered/class_pass.cuh"

namespace cce::cuda::filtered {

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
