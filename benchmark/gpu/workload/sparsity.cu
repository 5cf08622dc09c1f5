// How sparse the softmax is.
#include "device/reduce.cuh"
#include "workload/kernels.h"

namespace cce::benchmark {
namespace {

constexpr int kTile = 128;
constexpr int kRowThreads = 512;
constexpr int kTileThreads = 256;

__global__ void row_kernel(LogitsChunk chunk, float eps, float *lse, uint32_t *above, float *mass) {
    const int64_t row = chunk.first + blockIdx.x;
    const float *logits = chunk.logits + blockIdx.x * chunk.pitch;
    float largest = -INFINITY;
    for (int64_t j = threadIdx.x; j < chunk.classes; j += kRowThreads) largest = fmaxf(largest, logits[j]);
    largest = reduce_block(largest, Largest{});
    float sum = 0;
    for (int64_t j = threadIdx.x; j < chunk.classes; j += kRowThreads) sum += expf(logits[j] - largest);
    const float of_row = largest + logf(reduce_block(sum, Add{}));
    uint32_t count = 0;
    float kept = 0;
    for (int64_t j = threadIdx.x; j < chunk.classes; j += kRowThreads) {
        const float p = expf(logits[j] - of_row);
        if (p < eps) continue;
        ++count;
        kept += p;
    }
    count = reduce_block(count, Add{});
    kept = reduce_block(kept, Add{});
    if (threadIdx.x != 0) return;
    lse[row] = of_row;
    above[row] = count;
    mass[row] = kept;
}

// One block a tile, one warp a row at a time.
__global__ void live_kernel(LogitsChunk chunk, float eps, const float *lse, const int64_t *targets,
                            unsigned long long *counts) {
    const int64_t first_class = static_cast<int64_t>(blockIdx.x) * kTile;
    const int64_t first_row = static_cast<int64_t>(blockIdx.y) * kTile;
    const int lane = static_cast<int>(threadIdx.x % 32);
    unsigned segments = 0;
    for (int64_t i = threadIdx.x / 32; i < kTile; i += kTileThreads / 32) {
        const int64_t row = chunk.first + first_row + i;
        const float *logits = chunk.logits + (first_row + i) * chunk.pitch;
        bool live = false;
        for (int64_t j = first_class + lane; j < first_class + kTile; j += 32) {
            const float p = expf(logits[j] - lse[row]);
            live = live || fabsf(targets[row] == j ? p - 1.0f : p) >= eps;
        }
        segments += __any_sync(0xFFFFFFFFu, live) && lane == 0;
    }
    segments = reduce_block(segments, Add{});
    if (threadIdx.x != 0 || segments == 0) return;
    atomicAdd(&counts[0], 1ull);
    atomicAdd(&counts[1], static_cast<unsigned long long>(segments));
}

}  // namespace

void row_sparsity(const LogitsChunk &chunk, float eps, float *lse, uint32_t *above, float *mass, cudaStream_t stream) {
    row_kernel<<<static_cast<unsigned>(chunk.rows), kRowThreads, 0, stream>>>(chunk, eps, lse, above, mass);
    check(cudaGetLastError(), "measuring the sparsity of rows");
}

void count_live(const LogitsChunk &chunk, float eps, const float *lse, const int64_t *targets,
                unsigned long long *counts, cudaStream_t stream) {
    const dim3 tiles(static_cast<unsigned>(chunk.classes / kTile), static_cast<unsigned>(chunk.rows / kTile));
    if (tiles.x == 0 || tiles.y == 0) return;
    live_kernel<<<tiles, kTileThreads, 0, stream>>>(chunk, eps, lse, targets, counts);
    check(cudaGetLastError(), "counting live tiles");
}

}  // namespace cce::benchmark
