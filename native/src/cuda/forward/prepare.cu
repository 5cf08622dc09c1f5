// Which positions count, in ascending order, and the sums that the mean divides by. Three launches: every block of
// 1024 positions summarises itself; one block turns the summaries into offsets and fills the header; every block
// writes the positions that count. Targets are read twice, and each sum has one fixed order.
#include "cuda/check.h"
#include "cuda/forward/kernels.h"
#include "cuda/reduce.cuh"

namespace cce::cuda {
namespace {

__global__ void __launch_bounds__(kPrepareRows)
summarise_kernel(Batch batch, int64_t rows, BlockSummary *blocks) {
    const int64_t r = static_cast<int64_t>(blockIdx.x) * kPrepareRows + threadIdx.x;
    int64_t valid = 0;
    int64_t bad = INT64_MAX;
    double weight = 0.0;
    if (r < rows && batch.targets == nullptr) {
        valid = 1;
    } else if (r < rows) {
        const int64_t target = batch.target(r);
        if (batch.is_class(target)) {
            valid = 1;
            weight = static_cast<double>(batch.token_weight(r)) * batch.class_weight(target);
        } else if (batch.is_bad(target)) {
            bad = r;
        }
    }
    valid = reduce_block(valid, Sum());
    bad = reduce_block(bad, Minimum());
    weight = reduce_block(weight, Sum());
    if (threadIdx.x == 0) blocks[blockIdx.x] = {valid, bad, weight};
}

// The sum of the values of this thread and of those before it in the block.
__device__ int64_t scan_block(int64_t value, int64_t (&shared)[kPrepareRows]) {
    shared[threadIdx.x] = value;
    __syncthreads();
    for (unsigned distance = 1; distance < kPrepareRows; distance *= 2) {
        const int64_t before = threadIdx.x >= distance ? shared[threadIdx.x - distance] : 0;
        __syncthreads();
        shared[threadIdx.x] += before;
        __syncthreads();
    }
    return shared[threadIdx.x];
}

__global__ void __launch_bounds__(kPrepareRows)
header_kernel(Batch batch, int64_t block_count, bool mean, bool has_segments, uint64_t fingerprint,
              BlockSummary *blocks, StateHeader *header) {
    __shared__ int64_t scan[kPrepareRows];
    int64_t valid = 0;
    int64_t bad = INT64_MAX;
    double weight = 0.0;
    for (int64_t first = 0; first < block_count; first += kPrepareRows) {
        const int64_t b = first + threadIdx.x;
        const BlockSummary block = b < block_count ? blocks[b] : BlockSummary{0, INT64_MAX, 0.0};
        const int64_t through = scan_block(block.valid, scan);
        if (b < block_count) blocks[b].valid = valid + through - block.valid;
        valid += scan[kPrepareRows - 1];
        bad = Minimum()(bad, block.first_bad);
        weight += block.weight;
        __syncthreads();  // the next round overwrites scan
    }
    double class_weights = 0.0;
    if (batch.class_weights != nullptr)
        for (int64_t j = threadIdx.x; j < batch.classes; j += kPrepareRows) class_weights += batch.class_weights[j];
    bad = reduce_block(bad, Minimum());
    weight = reduce_block(weight, Sum());
    class_weights = reduce_block(class_weights, Sum());
    if (threadIdx.x != 0) return;
    const bool has_bad = bad != INT64_MAX;
    header->fingerprint = fingerprint;
    header->valid = valid;
    header->bad_row = has_bad ? bad : -1;
    header->bad_target = has_bad ? batch.target(bad) : 0;
    header->divisor = mean ? weight : 1.0;
    header->class_weight_sum = batch.class_weights != nullptr ? class_weights : static_cast<double>(batch.classes);
    header->has_segments = has_segments;
}

__global__ void __launch_bounds__(kPrepareRows)
list_kernel(Batch batch, int64_t rows, const BlockSummary *blocks, int64_t *valid_rows) {
    __shared__ int of_warp[kPrepareRows / kWarp];
    const int64_t r = static_cast<int64_t>(blockIdx.x) * kPrepareRows + threadIdx.x;
    const bool valid = r < rows && batch.counts(r);
    const unsigned in_warp = __ballot_sync(kAllLanes, valid);
    const unsigned warp = threadIdx.x / kWarp;
    const unsigned lane = threadIdx.x % kWarp;
    if (lane == 0) of_warp[warp] = __popc(in_warp);
    __syncthreads();
    int64_t place = blocks[blockIdx.x].valid;
    for (unsigned before = 0; before < warp; ++before) place += of_warp[before];
    place += __popc(in_warp & ((1u << lane) - 1));
    if (valid) valid_rows[place] = r;
}

}  // namespace

int32_t prepare(const Problem &p, const Batch &batch, bool has_segments, StateHeader *header, int64_t *valid_rows,
                BlockSummary *blocks, cudaStream_t stream) {
    const int64_t block_count = div_up(p.rows, kPrepareRows);
    const bool mean = p.spec.reduction == CCE_REDUCTION_MEAN;
    CCE_TRY(launch("summarising the targets", summarise_kernel, block_count, kPrepareRows, stream, batch, p.rows,
                   blocks));
    CCE_TRY(launch("counting the targets", header_kernel, 1, kPrepareRows, stream, batch, block_count, mean,
                   has_segments, p.fingerprint, blocks, header));
    return launch("listing the positions that count", list_kernel, block_count, kPrepareRows, stream, batch, p.rows,
                  static_cast<const BlockSummary *>(blocks), valid_rows);
}

}  // namespace cce::cuda
