// Synthetic language-model heads.
//
// gemma_like: a peaked softmax over a Zipf vocabulary, as trained models have it. Every token has 192 candidate
//             classes, drawn from the unigram without replacement, whose logits fall as top - alpha * ln(rank) with
//             alpha uniform from token to token. The other classes follow the unigram along one direction that all
//             tokens share, plus the noise of random vectors. The target is drawn from the token's own softmax.
// dense:      every softmax entry is about 1/V and the targets are random: nothing can be filtered.
//
// trained: a head and held-out tokens that `cce4j train` wrote, in the shape that they have.
#pragma once

#include <string>

#include "device/cublas.h"
#include "device/stream.h"
#include "report/report.h"
#include "workload/names.h"

namespace cce::benchmark {

struct Workload {
    Shape shape;
    Dtype dtype;
    Buffer<uint16_t> embeddings;  // (N, D)
    Buffer<uint16_t> classifier;  // (V, D)
    Buffer<int64_t> targets;      // (N)
    Buffer<float> bias;           // (V), or empty

    Workload(const Shape &s, Dtype type, bool has_bias = false)
        : shape(s), dtype(type), embeddings(s.tokens * s.hidden), classifier(s.classes * s.hidden),
          targets(s.tokens), bias(has_bias ? Buffer<float>(s.classes) : Buffer<float>()) {}
};

// `name` is kGemmaLike or kDense. The same seed gives the same data.
Workload make_workload(const std::string &name, const Shape &shape, Dtype dtype, uint64_t seed, const Cublas &cublas,
                       const Stream &stream);

// The head of a safetensors file as `cce4j train` writes it, with at most 8192 of its tokens, rounded to `dtype`; the
// bias, if there is one, stays float32. Ends the program with one line if the file holds anything else.
Workload read_trained_head(const std::string &file, Dtype dtype, const Stream &stream);

Sparsity measure_sparsity(const Workload &workload, const Cublas &cublas, const Stream &stream);

// A bias (V), uniform in [-1, 1].
std::vector<float> make_bias(int64_t classes, uint64_t seed);

// The first `count` of 0 .. total - 1 in a random order.
std::vector<int64_t> choose(int64_t count, int64_t total, uint64_t seed);

}  // namespace cce::benchmark
