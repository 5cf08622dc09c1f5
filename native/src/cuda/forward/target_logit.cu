// Primitive 1 (section 4.1 of the paper): the logit of each target, one warp a position. Reads 2 * R * D elements and
// is bound by memory, so each lane asks for several chunks of both rows before it uses any; chunks are 16 bytes where
// the rows are aligned to that, else single elements. Ignored positions read their target alone.
#include "cuda/check.h"
#include "cuda/forward/kernels.h"
#include "cuda/reduce.cuh"

namespace cce::cuda {
namespace {

constexpr int kInFlight = 4;      // chunks of each row that a lane asks for at once
constexpr int kBlocksAtOnce = 2;  // of a multiprocessor, with registers for all of those

// The sum over this lane's chunks: chunk lane, lane + 32, ...
template <typename T, typename Chunk>
__device__ float dot_of_lane(const Chunk *e, const Chunk *c, int64_t chunks, int64_t lane) {
    constexpr int kEach = sizeof(Chunk) / sizeof(T);
    float dot[kInFlight] = {};
    for (int64_t first = lane; first < chunks; first += kInFlight * kWarp) {
        Chunk of_e[kInFlight];
        Chunk of_c[kInFlight];
#pragma unroll
        for (int load = 0; load < kInFlight; ++load) {
            const int64_t at = first + load * kWarp;
            of_e[load] = at < chunks ? e[at] : Chunk{};
            of_c[load] = at < chunks ? c[at] : Chunk{};
        }
#pragma unroll
        for (int load = 0; load < kInFlight; ++load)
#pragma unroll
            for (int k = 0; k < kEach; ++k)
                dot[load] = fmaf(to_float(reinterpret_cast<const T *>(&of_e[load])[k]),
                                 to_float(reinterpret_cast<const T *>(&of_c[load])[k]), dot[load]);
    }
    return dot[0] + dot[1] + (dot[2] + dot[3]);
}

// The position of this warp.
template <typename T, typename Chunk>
__device__ void target_logit_of(const Logits &logits, int64_t rows, int64_t block, float *target_logit) {
    const int64_t r = (block * kThreads + threadIdx.x) / kWarp;
    if (r >= rows) return;
    const int64_t lane = threadIdx.x % kWarp;
    const int64_t target = logits.batch.target(r);
    if (!logits.batch.is_class(target)) {
        if (lane == 0) target_logit[r] = 0.0f;
        return;
    }
    const int64_t chunks = logits.hidden * static_cast<int64_t>(sizeof(T)) / static_cast<int64_t>(sizeof(Chunk));
    const Chunk *e = static_cast<const Chunk *>(logits.embeddings) + logits.batch.token(r) * chunks;
    const Chunk *c = static_cast<const Chunk *>(logits.classifier) + target * chunks;
    const float dot = reduce_lanes(dot_of_lane<T>(e, c, chunks, lane), Sum());
    if (lane == 0) target_logit[r] = logits.map.logit(dot + logits.map.bias_of(target));
}

template <typename T, typename Chunk>
__global__ void __launch_bounds__(kThreads, kBlocksAtOnce)
target_logit_kernel(const __grid_constant__ Logits logits, int64_t rows, float *target_logit) {
    target_logit_of<T, Chunk>(logits, rows, blockIdx.x, target_logit);
}

// The first block prepares meanwhile.
template <typename T, typename Chunk>
__global__ void __launch_bounds__(kThreads, kBlocksAtOnce)
prepare_with_target_logit_kernel(const __grid_constant__ Preparation preparation, const __grid_constant__ Logits logits,
                                 float *target_logit) {
    if (blockIdx.x == 0)
        preparation.run();
    else
        target_logit_of<T, Chunk>(logits, preparation.rows, blockIdx.x - 1, target_logit);
}

int64_t target_logit_blocks(int64_t rows) { return div_up(rows, kThreads / kWarp); }

// Calls f(T(), Chunk()) with the types of elements and of what is loaded at once.
template <typename F>
int32_t with_chunk(const Problem &p, const Logits &logits, F f) {
    return with_scalar(p.spec.dtype, [&](auto scalar) {
        return rows_are_aligned(logits.embeddings, logits.classifier, p.spec.hidden * sizeof(scalar))
                   ? f(scalar, uint4{})
                   : f(scalar, scalar);
    });
}

}  // namespace

int32_t target_logits(const Problem &p, const Logits &logits, float *target_logit, cudaStream_t stream) {
    return with_chunk(p, logits, [&](auto scalar, auto chunk) {
        return launch("computing the targets' logits", target_logit_kernel<decltype(scalar), decltype(chunk)>,
                      target_logit_blocks(p.rows), kThreads, stream, logits, p.rows, target_logit);
    });
}

int32_t prepare_with_target_logits(const Problem &p, const Preparation &preparation, const Logits &logits,
                                   float *target_logit, cudaStream_t stream) {
    if (!preparation.is_small()) {
        CCE_TRY(prepare(preparation, stream));
        return target_logits(p, logits, target_logit, stream);
    }
    return with_chunk(p, logits, [&](auto scalar, auto chunk) {
        return launch("computing the targets' logits",
                      prepare_with_target_logit_kernel<decltype(scalar), decltype(chunk)>,
                      1 + target_logit_blocks(p.rows), kThreads, stream, preparation, logits, target_logit);
    });
}

}  // namespace cce::cuda
