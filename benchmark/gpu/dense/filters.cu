#include "dense/filters.h"

#include "device/reduce.cuh"

namespace cce::benchmark {
namespace {

constexpr int kThreads = 256;
static_assert(DenseHead::kChunkClasses % kFilterTile == 0, "a tile lies in one chunk");

// A block a tile: alive[row tile, column tile] says whether it has an entry of eps or more.
__global__ void alive_kernel(DenseChunk chunk, float eps, bool *alive) {
    const int64_t first_row = blockIdx.y * kFilterTile;
    const int64_t first_column = blockIdx.x * kFilterTile;
    bool found = false;
    for (int64_t i = threadIdx.x; i < kFilterTile * kFilterTile; i += kThreads) {
        const int64_t row = first_row + i / kFilterTile;
        const int64_t column = first_column + i % kFilterTile;
        if (row >= chunk.rows || column >= chunk.classes) continue;
        const DenseChunk::Entry entry = chunk.entry(row, column);
        found = found || fabsf(expf(entry.z - chunk.lse[row]) - (entry.target ? 1.0f : 0.0f)) >= eps;
    }
    found = __syncthreads_or(found);
    if (threadIdx.x == 0) alive[blockIdx.y * gridDim.x + blockIdx.x] = found;
}

struct KeepEntries {
    float eps;

    __device__ bool operator()(int64_t, int64_t, float p, bool target) const { return target || p >= eps; }
};

struct KeepTiles {
    const bool *alive;
    int64_t column_tiles;

    __device__ bool operator()(int64_t row, int64_t column, float, bool) const {
        return alive[row / kFilterTile * column_tiles + column / kFilterTile];
    }
};

// A block a row.
template <typename Keep>
__global__ void dropped_kernel(DenseChunk chunk, Keep keep, float *dz, Kept *kept) {
    const int64_t row = blockIdx.x;
    const float lse = chunk.lse[row];
    float entries = 0;
    float dropped = 0;
    for (int64_t j = threadIdx.x; j < chunk.classes; j += kThreads) {
        const DenseChunk::Entry entry = chunk.entry(row, j);
        const float p = expf(entry.z - lse);
        const bool stays = keep(row, j, p, entry.target);
        entries += stays ? 1.0f : 0.0f;
        dropped += stays ? 0.0f : p;
        dz[row * chunk.pitch + j] = stays ? 0.0f : (p - (entry.target ? 1.0f : 0.0f)) * entry.slope * chunk.scale();
    }
    entries = reduce_block(entries, Add{});
    dropped = reduce_block(dropped, Add{});
    if (kept == nullptr || threadIdx.x != 0) return;
    kept[row].entries += entries;
    kept[row].dropped_mass += dropped;
}

template <typename Keep>
void write_dropped(const DenseHead &dense, const DenseChunk &chunk, const Keep &keep, Kept *kept, cudaStream_t stream) {
    dropped_kernel<<<static_cast<unsigned>(chunk.rows), kThreads, 0, stream>>>(chunk, keep, dense.dz(), kept);
    check(cudaGetLastError(), "filtering in float32");
}

}  // namespace

void write_dropped_entries(const DenseHead &dense, const DenseChunk &chunk, float eps, Kept *kept,
                           cudaStream_t stream) {
    write_dropped(dense, chunk, KeepEntries{eps}, kept, stream);
}

void write_dropped_tiles(const DenseHead &dense, const DenseChunk &chunk, float eps, Kept *kept, cudaStream_t stream) {
    const auto tiles = [](int64_t count) { return static_cast<unsigned>((count + kFilterTile - 1) / kFilterTile); };
    const dim3 grid(tiles(chunk.classes), tiles(chunk.rows));
    const Buffer<bool> alive(static_cast<int64_t>(grid.x) * grid.y);
    alive_kernel<<<grid, kThreads, 0, stream>>>(chunk, eps, alive.data());
    check(cudaGetLastError(), "looking for live tiles");
    write_dropped(dense, chunk, KeepTiles{alive.data(), grid.x}, kept, stream);
    check(cudaStreamSynchronize(stream), "waiting for the filter of tiles");
}

}  // namespace cce::benchmark
