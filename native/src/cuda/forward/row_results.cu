// From the partial log-sum-exps of a position to everything that is reported of it, and the loss of all. Cheap next to
// the logits.
#include <algorithm>

#include "cuda/check.h"
#include "cuda/forward/kernels.h"
#include "cuda/forward/online_lse.cuh"
#include "cuda/forward/segments.cuh"
#include "cuda/reduce.cuh"

namespace cce::cuda {
namespace {

__device__ OnlineLse partial_at(const Partials &partials, int64_t place) {
    OnlineLse part = OnlineLse::nothing();
    part.max = partials.lse[place].x;
    part.sum = partials.lse[place].y;
    if (partials.extras == nullptr) return part;
    const RowExtras extras = partials.extras[place];
    part.centred = extras.centred;
    part.weighted = extras.weighted;
    part.argmax = extras.argmax;
    return part;
}

struct LossTerms {
    double smoothing;
    double z_loss;
    double classes;
};

__device__ float loss_of(const Batch &batch, int64_t r, const OnlineLse &whole, const RowResults &results,
                         const LossTerms &terms) {
    const double lse = whole.lse();
    double difference = lse - results.target_logit[r];
    if (difference < 0.0) difference = 0.0;  // the two were summed in different orders
    double loss = (1.0 - terms.smoothing) * batch.class_weight(batch.target(r)) * difference;
    if (terms.smoothing > 0.0)
        loss += terms.smoothing / terms.classes * (results.header->class_weight_sum * lse - whole.weighted);
    if (terms.z_loss > 0.0) loss += terms.z_loss * lse * lse;
    return static_cast<float>(batch.token_weight(r) * loss);
}

// One warp a counting position.
__device__ void finish_row(const Logits &logits, const Schedule &schedule, const Partials &partials,
                           const LossTerms &terms, const RowResults &results) {
    const int64_t i = (static_cast<int64_t>(blockIdx.x) * kThreads + threadIdx.x) / kWarp;
    const int64_t valid = *logits.valid;
    if (i >= valid) return;  // the whole warp
    const PartialPlaces places = schedule.places(valid, i);
    if (places.count == 0) return;
    const int32_t lane = threadIdx.x % kWarp;
    OnlineLse whole = OnlineLse::nothing();
    for (int32_t split = lane; split < places.count; split += kWarp)
        whole = merge(whole, partial_at(partials, places.first + split * places.stride));
    whole = merge_lanes(whole);
    if (lane != 0) return;
    const int64_t r = logits.valid_rows[i];
    const float lse = static_cast<float>(whole.lse());
    if (results.state_lse != nullptr) results.state_lse[r] = lse;
    if (results.least_live != nullptr) results.least_live[r] = least_live_code(lse, results.target_logit[r]);
    if (results.lse != nullptr) results.lse[r] = lse;
    if (results.entropy != nullptr) results.entropy[r] = whole.entropy();
    if (results.argmax != nullptr) results.argmax[r] = whole.argmax;
    if (results.loss == nullptr && results.row_loss == nullptr) return;
    const float loss = loss_of(logits.batch, r, whole, results, terms);
    if (results.loss != nullptr) results.loss[r] = loss;
    if (results.row_loss != nullptr) results.row_loss[i] = loss;
}

// Whether all other blocks have finished their rows. The whole block must call it.
__device__ bool is_last_block(uint32_t *blocks_done) {
    __shared__ bool is_last;
    __syncthreads();
    if (threadIdx.x == 0) {
        __threadfence();
        is_last = atomicAdd(blocks_done, 1) == gridDim.x - 1;
        __threadfence();
    }
    __syncthreads();
    return is_last;
}

// The mean or sum of the losses, in double precision and a fixed order, whichever block it falls to; NaN after a bad
// target. The whole block must call it.
__device__ float reduced_loss(const RowResults &results) {
    const int64_t valid = results.header->valid;
    double sum = 0.0;
#pragma unroll 8
    for (int64_t i = threadIdx.x; i < valid; i += kThreads) sum += results.row_loss[i];
    sum = reduce_block(sum, Sum());
    const double divisor = results.header->divisor;
    const double reduced = divisor == 0.0 ? 0.0 : sum / divisor;
    return results.header->bad_row >= 0 ? NAN : static_cast<float>(reduced);
}

__global__ void __launch_bounds__(kThreads)
finish_rows_kernel(const __grid_constant__ Logits logits, const __grid_constant__ Schedule schedule, Partials partials,
                   LossTerms terms, const __grid_constant__ RowResults results, float *loss) {
    finish_row(logits, schedule, partials, terms, results);
    if (loss == nullptr || !is_last_block(results.blocks_done)) return;
    const float reduced = reduced_loss(results);
    if (threadIdx.x == 0) *loss = reduced;
}

__global__ void __launch_bounds__(kThreads)
adopt_lse_kernel(Batch batch, int64_t rows, const float *lse, float *state_lse) {
    const int64_t r = static_cast<int64_t>(blockIdx.x) * kThreads + threadIdx.x;
    if (r < rows) state_lse[r] = batch.counts(r) ? lse[r] : 0.0f;
}

}  // namespace

int32_t finish_rows(const Problem &p, const Logits &logits, const Schedule &schedule, const Partials &partials,
                    const RowResults &results, float *loss, cudaStream_t stream) {
    const LossTerms terms{p.spec.label_smoothing, p.spec.z_loss, static_cast<double>(p.spec.classes)};
    const int64_t blocks = std::max<int64_t>(1, div_up(p.rows, kThreads / kWarp));  // no positions have a loss of 0
    return launch("merging the log-sum-exps", finish_rows_kernel, blocks, kThreads, stream, logits, schedule, partials,
                  terms, results, loss);
}

int32_t adopt_lse(const Problem &p, const Batch &batch, const float *lse, float *state_lse, cudaStream_t stream) {
    return launch("adopting the log-sum-exps", adopt_lse_kernel, div_up(p.rows, kThreads), kThreads, stream, batch,
                  p.rows, lse, state_lse);
}

}  // namespace cce::cuda
