// The generator's kernels, by what they leave. Random draws are taken from `seed` as philox.cuh says.
#pragma once

#include "device/dtype.h"
#include "device/stream.h"

namespace cce::benchmark {

constexpr int kCandidates = 192;
constexpr float kTopLogit = 12.0f;
constexpr float kBaseLogit = -1.5f;
constexpr float kLeastSlope = 0.7f;
constexpr float kMostSlope = 2.6f;
constexpr float kZipf = 1.07f;
constexpr float kZipfShift = 2.7f;
constexpr float kShareInClassifier = 0.1f;   // of the log unigram, along the shared direction
constexpr float kShareInEmbeddings = 10.0f;  // the shared direction itself: their product is 1

// The shared direction: a random unit vector (hidden).
void draw_direction(int64_t hidden, uint64_t seed, float *direction, cudaStream_t stream);

// Rows of normals times `scale` (rows, hidden). With a direction u, row j is made orthogonal to u, and
// kShareInClassifier * log_unigram[j] * u is added to it; NULL for both: neither.
void draw_rows(Dtype dtype, uint32_t purpose, int64_t rows, int64_t hidden, float scale, const float *direction,
               const float *log_unigram, uint64_t seed, void *out, cudaStream_t stream);

// For each token `count` <= kCandidates distinct classes, drawn from the unigram, in random order: (tokens, count).
void draw_candidates(int64_t tokens, int64_t classes, int count, const float *log_unigram, uint64_t seed,
                     int32_t *candidates, cudaStream_t stream);

// Embeddings (tokens, hidden) that give the candidates their logits.
void mix_candidates(Dtype dtype, int64_t tokens, int64_t hidden, int count, const int32_t *candidates,
                    const void *classifier, const float *log_unigram, const float *direction, uint64_t seed,
                    void *embeddings, cudaStream_t stream);

// Adds bias (classes) to each row of logits (rows, pitch).
void add_bias(const float *bias, int64_t rows, int64_t classes, int64_t pitch, float *logits, cudaStream_t stream);

// A chunk of float32 logits: rows first .. first + rows - 1 of all.
struct LogitsChunk {
    const float *logits;  // (rows, pitch)
    int64_t pitch;
    int64_t first;
    int64_t rows;
    int64_t classes;
};

// Draws the targets of the chunk's rows from their softmax.
void draw_targets(const LogitsChunk &chunk, uint64_t seed, int64_t *targets, cudaStream_t stream);

// lse, and number and mass of the entries p >= eps, of each row of the chunk; arrays of all rows.
void row_sparsity(const LogitsChunk &chunk, float eps, float *lse, uint32_t *above, float *mass, cudaStream_t stream);

// Adds to counts[0] the 128x128 tiles, to counts[1] the 128-wide row segments with an entry |p - onehot| >= eps.
// Only whole tiles count.
void count_live(const LogitsChunk &chunk, float eps, const float *lse, const int64_t *targets,
                unsigned long long *counts, cudaStream_t stream);

}  // namespace cce::benchmark
