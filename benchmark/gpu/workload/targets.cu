// Draws targets from the softmax: the largest of logit + Gumbel.
#include "device/reduce.cuh"
#include "workload/kernels.h"
#include "workload/philox.cuh"

namespace cce::benchmark {
namespace {

constexpr int kThreads = 512;

__global__ void targets_kernel(LogitsChunk chunk, uint64_t seed, int64_t *targets) {
    const int64_t row = chunk.first + blockIdx.x;
    const float *logits = chunk.logits + blockIdx.x * chunk.pitch;
    unsigned long long best = 0;  // key above, the class's complement below: the lowest class of equals
    for (int64_t group = threadIdx.x; 4 * group < chunk.classes; group += kThreads) {
        const Draw draw = philox(seed, kTargetDraw, static_cast<uint32_t>(row), static_cast<uint64_t>(group));
#pragma unroll
        for (int i = 0; i < 4; ++i) {
            const int64_t j = 4 * group + i;
            if (j >= chunk.classes) break;
            const uint64_t key = ordered(logits[j] + gumbel(draw.word[i]));
            best = Largest{}(best, static_cast<unsigned long long>(key << 32 | static_cast<uint32_t>(~j)));
        }
    }
    best = reduce_block(best, Largest{});
    if (threadIdx.x == 0) targets[row] = static_cast<uint32_t>(~best);
}

}  // namespace

void draw_targets(const LogitsChunk &chunk, uint64_t seed, int64_t *targets, cudaStream_t stream) {
    targets_kernel<<<static_cast<unsigned>(chunk.rows), kThreads, 0, stream>>>(chunk, seed, targets);
    check(cudaGetLastError(), "drawing targets");
}

}  // namespace cce::benchmark
