// What every part of the kernel for filtered gradients is given, and how its threads are numbered.
#pragma once

#include "common/problem.h"
#include "cuda/backward/kernels.h"
#include "cuda/fast_math.cuh"
#include "cuda/filtered/frequent.h"
#include "cuda/filtered/lists.cuh"
#include "cuda/filtered/terms.h"
#include "cuda/forward/candidates.cuh"
#include "cuda/reduce.cuh"

namespace cce::cuda::filtered {

constexpr int kBlockThreads = 256;  // where a number of threads is assumed
constexpr int kWarps = kBlockThreads / kWarp;

struct Work {
    Logits logits;
    const int64_t *tokens;         // row of E of each counting position
    const RowGradient *rows;       // of each counting position
    const BackwardControl *control;
    const StateHeader *header;
    const uint8_t *codes;          // of SegmentMaxima, at pitch `code_pitch`
    int64_t code_pitch;
    const uint8_t *least_live;     // by counting position: the smallest code that is live
    const int32_t *target_tile;    // by counting position; -1 without target
    Lists lists;
    ListedTerms terms;
    Frequent frequent;
    Candidates candidates;
    GradientStore embeddings;      // array NULL: not wanted
    GradientStore classifier;
    GradientStore bias;
    KeptMass *kept;                // (2, R): what the two filters keep; NULL: not wanted
    int64_t kept_pitch;            // R
    bool may_stop;                 // listing, once the lists are full
    const float *classes_sum;      // sum_j w[j] C[j] (D), with label smoothing, else NULL
    const float *rows_sum;         // sum_i smoothing[i] E[i] (D), and sum_i smoothing[i] behind it

    __device__ int32_t classes() const { return static_cast<int32_t>(logits.classes); }
    __host__ __device__ bool wants_rows() const { return embeddings.array != nullptr; }
    __host__ __device__ bool wants_classes() const { return classifier.array != nullptr || bias.array != nullptr; }

    // An entry is kept by the filter of dE or of dC. One that is 0 is of a gradient that nobody wants.
    __device__ float least_threshold() const {
        const float e = control->filter_embeddings;
        const float c = control->filter_classifier;
        if (e > 0.0f && c > 0.0f) return e < c ? e : c;
        return e > 0.0f ? e : c;
    }

    __device__ float weight(int32_t j) const { return logits.batch.class_weight(j); }

    // Whether the gradients are sums over the lists, and not over windows of them or dense products.
    __device__ bool sums_lists() const { return !control->dense && lists.hold_everything(); }

    // The place of a class among the frequent ones.
    __device__ uint16_t frequent_place(int32_t j) const {
        return frequent.most > 0 ? frequent.places[j] : Frequent::kNone;
    }
};

__device__ inline Window window_of_all(const Work &work) {
    return {0, static_cast<int32_t>(work.control->valid), 0, work.classes()};
}

// Whether all rows of inputs and gradients begin at multiples of 16 bytes.
inline bool is_aligned(const Problem &p, const Work &work) {
    return rows_are_aligned(work.logits.embeddings, work.logits.classifier,
                            p.spec.hidden * dtype_bytes(p.spec.dtype)) &&
           rows_are_aligned(work.embeddings.array, work.classifier.array, 0);
}

__device__ inline int32_t lane_of() { return static_cast<int32_t>(threadIdx.x) % kWarp; }
__device__ inline int32_t warp_of() { return static_cast<int32_t>(threadIdx.x) / kWarp; }
__device__ inline int32_t grid_warps() { return static_cast<int32_t>(blockDim.x / kWarp * gridDim.x); }

// Whole warps that do something together, kThreads threads in all: a thread block, or a part of one. thread() numbers
// them, in sync() they wait for each other.
template <int kCount>
struct WholeBlock {
    static constexpr int kThreads = kCount;

    __device__ static int thread() { return static_cast<int>(threadIdx.x); }
    __device__ static void sync() { __syncthreads(); }
};
using BlockTeam = WholeBlock<kBlockThreads>;

// f(k) for every k < kCount, by a team.
template <int kCount, typename Team, typename F>
__device__ __forceinline__ void share_out(const Team &team, F f) {
#pragma unroll
    for (int first = 0; first < kCount; first += Team::kThreads)
        if (first + team.thread() < kCount) f(first + team.thread());
}

template <typename Team>
using OfTeamWarps = uint32_t[Team::kThreads / kWarp];

// The same over the threads of a team, with `of_warp` in shared memory. The whole team must call it.
template <typename Team>
__device__ uint32_t scan_team(const Team &team, OfTeamWarps<Team> &of_warp, uint32_t value, uint32_t *total) {
    const int own = team.thread() / kWarp;
    uint32_t warp_total;
    uint32_t before = scan_lanes(value, &warp_total);
    team.sync();
    if (lane_of() == 0) of_warp[own] = warp_total;
    team.sync();
    *total = 0;
#pragma unroll
    for (int warp = 0; warp < Team::kThreads / kWarp; ++warp) {
        if (warp < own) before += of_warp[warp];
        *total += of_warp[warp];
    }
    return before;
}

// The same over the threads of a block. The whole block must call it.
__device__ inline uint32_t scan_block(uint32_t value, uint32_t *total) {
    __shared__ OfTeamWarps<BlockTeam> of_warp;
    return scan_team(BlockTeam(), of_warp, value, total);
}

// exp(z - lse).
__device__ __forceinline__ float probability(float logit, float lse) {
    return fast_exp2((logit - lse) * kLog2E);
}

// The gradient of one kept dot product without what label smoothing contributes; 0 if this filter drops it.
__device__ __forceinline__ float kept_dz(const Work &work, const RowGradient &row, float logit, float p, bool is_target,
                                         float threshold) {
    const float kept = !is_target && p < threshold ? 0.0f : p * row.softmax;
    return (kept - (is_target ? row.of_target : 0.0f)) * work.logits.map.slope(logit);
}

}  // namespace cce::cuda::filtered
