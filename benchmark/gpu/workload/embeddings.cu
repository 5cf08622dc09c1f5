// Embeddings as sums of their candidates' rows of C.
#include "workload/kernels.h"
#include "workload/philox.cuh"

namespace cce::benchmark {
namespace {

constexpr int kThreads = 256;
static_assert(kThreads >= kCandidates, "a thread for each candidate");

// A candidate's row of C is a vector of length about 1 that is orthogonal to the shared direction u, plus its share
// of u. Weighing the former by what its logit lacks, and adding kShareInEmbeddings * u, gives the wanted logits.
template <typename T>
__global__ void mix_kernel(int64_t hidden, int count, const int32_t *candidates, const T *classifier,
                           const float *log_unigram, const float *direction, uint64_t seed, T *embeddings) {
    __shared__ const T *row[kCandidates];
    __shared__ float weight[kCandidates];
    __shared__ float share[kCandidates];
    const int64_t token = blockIdx.x;
    if (threadIdx.x < static_cast<unsigned>(count)) {
        const int rank = static_cast<int>(threadIdx.x);
        const int32_t j = candidates[token * count + rank];
        const float slope =
            kLeastSlope + (kMostSlope - kLeastSlope) * uniform(philox(seed, kSlopeDraw, blockIdx.x, 0).word[0]);
        const float wanted = kTopLogit - slope * logf(static_cast<float>(rank + 1)) - kBaseLogit - log_unigram[j];
        row[rank] = classifier + j * hidden;
        weight[rank] = fmaxf(wanted, 0.0f);
        share[rank] = kShareInClassifier * log_unigram[j];
    }
    __syncthreads();
    float along = kShareInEmbeddings;
    for (int i = 0; i < count; ++i) along -= weight[i] * share[i];
    for (int64_t d = threadIdx.x; d < hidden; d += kThreads) {
        float sum = along * direction[d];
        for (int i = 0; i < count; ++i) sum += weight[i] * static_cast<float>(row[i][d]);
        embeddings[token * hidden + d] = static_cast<T>(sum);
    }
}

}  // namespace

void mix_candidates(Dtype dtype, int64_t tokens, int64_t hidden, int count, const int32_t *candidates,
                    const void *classifier, const float *log_unigram, const float *direction, uint64_t seed,
                    void *embeddings, cudaStream_t stream) {
    with_type(dtype, [&](auto zero) {
        using T = decltype(zero);
        mix_kernel<<<static_cast<unsigned>(tokens), kThreads, 0, stream>>>(
            hidden, count, candidates, static_cast<const T *>(classifier),
            log_unigram, direction, seed, static_cast<T *>(embeddings));
    });
    check(cudaGetLastError(), "mixing candidates");
}

}  // namespace cce::benchmark
