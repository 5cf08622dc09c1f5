#include "workload/workload.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "workload/kernels.h"
#include "workload/philox.cuh"

namespace cce::benchmark {
namespace {

constexpr int64_t kChunkRows = 512;
constexpr float kEps = 0x1p-12f;

// Swaps from the end (Fisher and Yates); only the last `count` places are drawn.
std::vector<int64_t> shuffled(int64_t total, int64_t count, uint32_t purpose, uint64_t seed) {
    std::vector<int64_t> order(static_cast<size_t>(total));
    std::iota(order.begin(), order.end(), 0);
    for (int64_t i = total - 1; i >= total - count; --i) {
        const Draw draw = philox(seed, purpose, 0, static_cast<uint64_t>(i));
        const uint64_t other = (uint64_t{draw.word[0]} * static_cast<uint64_t>(i + 1)) >> 32;
        std::swap(order[static_cast<size_t>(i)], order[other]);
    }
    return order;
}

// log of a Zipf distribution over a random order of the classes, with the largest at 0.
std::vector<float> log_unigram(int64_t classes, uint64_t seed) {
    const std::vector<int64_t> rank = shuffled(classes, classes, kFrequencyDraw, seed);
    std::vector<float> result;
    for (const int64_t r : rank)
        result.push_back(-kZipf * std::log((static_cast<float>(r) + kZipfShift) / kZipfShift));
    return result;
}

// f(chunk) for all logits in float32, a chunk of rows at a time.
template <typename F>
void for_each_chunk(const Workload &w, const Cublas &cublas, const Stream &stream, F f) {
    const int64_t pitch = (w.shape.classes + 7) / 8 * 8;
    const Buffer<float> logits(std::min(kChunkRows, w.shape.tokens) * pitch);
    for (int64_t first = 0; first < w.shape.tokens; first += kChunkRows) {
        const int64_t rows = std::min(kChunkRows, w.shape.tokens - first);
        cublas.logits(w.dtype, rows, w.shape.classes, w.shape.hidden, w.embeddings.data() + first * w.shape.hidden,
                      w.classifier.data(), logits.data(), CUDA_R_32F, pitch, stream);
        if (w.bias.count() > 0) add_bias(w.bias.data(), rows, w.shape.classes, pitch, logits.data(), stream);
        f(LogitsChunk{logits.data(), pitch, first, rows, w.shape.classes});
    }
    stream.synchronize();
}

void fill_gemma_like(const Workload &w, uint64_t seed, const Cublas &cublas, const Stream &stream) {
    const Shape &s = w.shape;
    const int count = static_cast<int>(std::min<int64_t>(kCandidates, s.classes));
    const Buffer<float> unigram(log_unigram(s.classes, seed));
    const Buffer<float> direction(s.hidden);
    const Buffer<int32_t> candidates(s.tokens * count);
    const float scale = 1.0f / std::sqrt(static_cast<float>(s.hidden));
    draw_direction(s.hidden, seed, direction.data(), stream);
    draw_rows(w.dtype, kClassifierDraw, s.classes, s.hidden, scale, direction.data(), unigram.data(), seed,
              w.classifier.data(), stream);
    draw_candidates(s.tokens, s.classes, count, unigram.data(), seed, candidates.data(), stream);
    mix_candidates(w.dtype, s.tokens, s.hidden, count, candidates.data(), w.classifier.data(), unigram.data(),
                   direction.data(), seed, w.embeddings.data(), stream);
    for_each_chunk(w, cublas, stream,
                   [&](const LogitsChunk &chunk) { draw_targets(chunk, seed, w.targets.data(), stream); });
}

void fill_dense(const Workload &w, uint64_t seed, const Stream &stream) {
    const Shape &s = w.shape;
    const float scale = 1.0f / std::sqrt(static_cast<float>(s.hidden));
    draw_rows(w.dtype, kClassifierDraw, s.classes, s.hidden, 1.0f, nullptr, nullptr, seed, w.classifier.data(), stream);
    draw_rows(w.dtype, kEmbeddingsDraw, s.tokens, s.hidden, scale, nullptr, nullptr, seed, w.embeddings.data(), stream);
    std::vector<int64_t> targets;
    for (int64_t i = 0; i < s.tokens; ++i) {
        const uint64_t word = philox(seed, kTargetDraw, static_cast<uint32_t>(i), 0).word[0];
        targets.push_back(static_cast<int64_t>((word * static_cast<uint64_t>(s.classes)) >> 32));
    }
    check(cudaMemcpyAsync(w.targets.data(), targets.data(), static_cast<size_t>(w.targets.bytes()),
                          cudaMemcpyHostToDevice, stream),
          "copying targets");
    stream.synchronize();
}

template <typename T>
double sum(const std::vector<T> &values) {
    return std::accumulate(values.begin(), values.end(), 0.0);
}

}  // namespace

Workload make_workload(const std::string &name, const Shape &shape, Dtype dtype, uint64_t seed, const Cublas &cublas,
                       const Stream &stream) {
    Workload workload(shape, dtype);
    if (name == kGemmaLike) {
        fill_gemma_like(workload, seed, cublas, stream);
    } else {
        fill_dense(workload, seed, stream);
    }
    return workload;
}

Sparsity measure_sparsity(const Workload &w, const Cublas &cublas, const Stream &stream) {
    const int64_t rows = w.shape.tokens;
    const Buffer<float> lse(rows);
    const Buffer<uint32_t> above(rows);
    const Buffer<float> mass(rows);
    const Buffer<unsigned long long> counts(std::vector<unsigned long long>(2));
    for_each_chunk(w, cublas, stream, [&](const LogitsChunk &chunk) {
        row_sparsity(chunk, kEps, lse.data(), above.data(), mass.data(), stream);
        count_live(chunk, kEps, lse.data(), w.targets.data(), counts.data(), stream);
    });
    const double entries = sum(above.read(stream));
    const std::vector<unsigned long long> live = counts.read(stream);
    const double columns = static_cast<double>(w.shape.classes / 128);
    const double tiles = static_cast<double>(rows / 128) * columns;
    Sparsity result = {};
    result.above_per_row = entries / static_cast<double>(rows);
    result.above_percent = 100 * result.above_per_row / static_cast<double>(w.shape.classes);
    result.mass_above = sum(mass.read(stream)) / static_cast<double>(rows);
    result.live_tiles_percent = 100 * static_cast<double>(live[0]) / tiles;
    result.live_segments_percent = 100 * static_cast<double>(live[1]) / (128 * tiles);
    return result;
}

std::vector<float> make_bias(int64_t classes, uint64_t seed) {
    std::vector<float> bias;
    for (int64_t j = 0; j < classes; ++j)
        bias.push_back(static_cast<float>(philox(seed, kBiasDraw, 0, static_cast<uint64_t>(j)).word[0]) * 0x1p-31f - 1);
    return bias;
}

std::vector<int64_t> choose(int64_t count, int64_t total, uint64_t seed) {
    std::vector<int64_t> order = shuffled(total, count, kRowDraw, seed);
    return {order.end() - count, order.end()};
}

}  // namespace cce::benchmark
