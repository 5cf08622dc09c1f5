// Draws classes from the unigram without replacement: the largest of log unigram + Gumbel (Gumbel top-k).
#include "workload/kernels.h"
#include "workload/philox.cuh"

namespace cce::benchmark {
namespace {

constexpr int kThreads = 512;
constexpr int kRadixBits = 11;
constexpr int kBins = 1 << kRadixBits;
constexpr int kRoom = 512;  // for the chosen keys and for keys equal to the least of them
static_assert(kRoom >= kCandidates && kRoom <= kThreads, "each thread ranks at most one key");

struct Candidate {
    uint32_t key;
    uint32_t order;  // random: the place among the chosen
    int32_t token;
};

// f(class, key) for the thread's share of the vocabulary. The keys are drawn anew in each pass instead of stored.
template <typename F>
__device__ void for_each_key(int64_t classes, const float *log_unigram, uint64_t seed, F f) {
    for (int64_t group = threadIdx.x; 4 * group < classes; group += blockDim.x) {
        const Draw draw = philox(seed, kCandidateDraw, blockIdx.x, static_cast<uint64_t>(group));
#pragma unroll
        for (int i = 0; i < 4; ++i) {
            const int64_t j = 4 * group + i;
            if (j < classes) f(j, ordered(log_unigram[j] + gumbel(draw.word[i])));
        }
    }
}

// The key that `count` - 1 keys are larger than or equal to: a radix selection, 11 + 11 + 10 bits.
__device__ uint32_t least_chosen_key(int64_t classes, int count, const float *log_unigram, uint64_t seed) {
    __shared__ uint32_t histogram[kBins];
    __shared__ uint32_t chosen;     // the bits found so far
    __shared__ uint32_t remaining;  // how many to take of the keys that share these bits
    if (threadIdx.x == 0) {
        chosen = 0;
        remaining = static_cast<uint32_t>(count);
    }
    uint32_t mask = 0;
    for (int top = 32; top > 0; top -= kRadixBits) {
        const int shift = top > kRadixBits ? top - kRadixBits : 0;
        const uint32_t digits = (1u << (top - shift)) - 1;
        for (int bin = threadIdx.x; bin < kBins; bin += kThreads) histogram[bin] = 0;
        __syncthreads();
        for_each_key(classes, log_unigram, seed, [&](int64_t, uint32_t key) {
            if ((key & mask) == chosen) atomicAdd(&histogram[(key >> shift) & digits], 1u);
        });
        __syncthreads();
        if (threadIdx.x == 0) {
            uint32_t bin = digits;
            while (histogram[bin] < remaining) remaining -= histogram[bin--];
            chosen |= bin << shift;
        }
        mask |= digits << shift;
        __syncthreads();
    }
    return chosen;
}

__global__ void __launch_bounds__(kThreads)
    candidates_kernel(int64_t classes, int count, const float *log_unigram, uint64_t seed, int32_t *candidates) {
    __shared__ Candidate found[kRoom];
    __shared__ bool kept[kRoom];
    __shared__ uint32_t length;
    if (threadIdx.x == 0) length = 0;
    const uint32_t least = least_chosen_key(classes, count, log_unigram, seed);
    for_each_key(classes, log_unigram, seed, [&](int64_t j, uint32_t key) {
        if (key < least) return;
        const uint32_t place = atomicAdd(&length, 1u);
        if (place >= kRoom) __trap();
        const uint32_t order = philox(seed, kOrderDraw, blockIdx.x, static_cast<uint64_t>(j)).word[0];
        found[place] = {key, order, static_cast<int32_t>(j)};
    });
    __syncthreads();

    // `found` is in an order that depends on timing; what follows depends on its content alone.
    const bool present = threadIdx.x < length;
    const Candidate own = present ? found[threadIdx.x] : Candidate{};
    int larger = 0;
    for (uint32_t i = 0; present && i < length; ++i)
        larger += found[i].key > own.key || (found[i].key == own.key && found[i].token < own.token);
    kept[threadIdx.x] = present && larger < count;
    __syncthreads();
    if (!kept[threadIdx.x]) return;
    int place = 0;
    for (uint32_t i = 0; i < length; ++i)
        place += kept[i] && (found[i].order < own.order || (found[i].order == own.order && found[i].token < own.token));
    candidates[static_cast<int64_t>(blockIdx.x) * count + place] = own.token;
}

}  // namespace

void draw_candidates(int64_t tokens, int64_t classes, int count, const float *log_unigram, uint64_t seed,
                     int32_t *candidates, cudaStream_t stream) {
    candidates_kernel<<<static_cast<unsigned>(tokens), kThreads, 0, stream>>>(classes, count, log_unigram, seed,
                                                                              candidates);
    check(cudaGetLastError(), "drawing candidates");
}

}  // namespace cce::benchmark
