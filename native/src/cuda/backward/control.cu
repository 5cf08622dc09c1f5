// What backward decides on the device: whether the state is good, and whether the filters stay on.
#include "cuda/backward/kernels.h"
#include "cuda/check.h"
#include "cuda/reduce.cuh"

namespace cce::cuda {
namespace {

constexpr int kDecideThreads = 1024;

// A state of another problem holds row numbers that must not be followed: nothing counts, and gradients become NaN.
// Nothing counts either in a mean over nothing, unless gradients of the lse come in.
__global__ void begin_backward_kernel(const StateHeader *header, uint64_t fingerprint, bool has_grad_lse,
                                      bool dense, float filter_embeddings, float filter_classifier,
                                      BackwardControl *control) {
    const bool good = header->fingerprint == fingerprint;
    const bool any = good && (header->divisor != 0.0 || has_grad_lse);
    *control = {any ? header->valid : 0, good ? 0.0f : NAN, filter_embeddings, filter_classifier, dense};
}

__global__ void __launch_bounds__(kThreads) list_tokens_kernel(Logits logits, int64_t *tokens) {
    const int64_t i = static_cast<int64_t>(blockIdx.x) * kThreads + threadIdx.x;
    if (i < *logits.valid) tokens[i] = logits.token(i);
}

// Mean and worst of the dropped mass of a position; decides and reports for one gradient. The whole block must call it.
__device__ void decide(const float *dropped, int64_t splits, int64_t rows, int64_t valid, double limit, float *filter,
                       float *mean_report, float *worst_report, float *exact_report) {
    double sum = 0.0;
    double worst = 0.0;
    for (int64_t i = threadIdx.x; i < valid; i += kDecideThreads) {
        double of_row = 0.0;
        for (int64_t split = 0; split < splits; ++split) of_row += dropped[split * rows + i];
        sum += of_row;
        worst = Maximum()(worst, of_row);
    }
    sum = reduce_block(sum, Sum());
    worst = reduce_block(worst, Maximum());
    if (threadIdx.x != 0) return;
    const double mean = valid > 0 ? sum / static_cast<double>(valid) : 0.0;
    const bool exact = limit > 0.0 && mean > limit;
    if (exact) *filter = 0.0f;
    *mean_report = exact ? 0.0f : static_cast<float>(mean);
    *worst_report = exact ? 0.0f : static_cast<float>(worst);
    *exact_report = exact ? 1.0f : 0.0f;
}

__global__ void __launch_bounds__(kDecideThreads)
decide_filters_kernel(const float *dropped, int64_t splits, int64_t rows, double limit, bool embeddings,
                      bool classifier, BackwardControl *control, float *report) {
    __shared__ float entries[CCE_REPORT_LENGTH];
    if (threadIdx.x < CCE_REPORT_LENGTH) entries[threadIdx.x] = 0.0f;
    __syncthreads();
    const int64_t valid = control->valid;
    if (dropped != nullptr && embeddings)
        decide(dropped, splits, rows, valid, limit, &control->filter_embeddings, &entries[CCE_REPORT_EMBEDDINGS_MEAN],
               &entries[CCE_REPORT_EMBEDDINGS_WORST], &entries[CCE_REPORT_EMBEDDINGS_EXACT]);
    if (dropped != nullptr && classifier)
        decide(dropped + splits * rows, splits, rows, valid, limit, &control->filter_classifier,
               &entries[CCE_REPORT_CLASSIFIER_MEAN], &entries[CCE_REPORT_CLASSIFIER_WORST],
               &entries[CCE_REPORT_CLASSIFIER_EXACT]);
    __syncthreads();
    if (threadIdx.x == 0 && entries[CCE_REPORT_EMBEDDINGS_EXACT] + entries[CCE_REPORT_CLASSIFIER_EXACT] > 0.0f)
        control->dense = true;
    if (report != nullptr && threadIdx.x < CCE_REPORT_LENGTH) report[threadIdx.x] = entries[threadIdx.x];
}

}  // namespace

int32_t begin_backward(const Problem &p, const State &state, bool has_grad_lse, bool dense, BackwardControl *control,
                       cudaStream_t stream) {
    return launch("checking the state", begin_backward_kernel, 1, 1, stream,
                  static_cast<const StateHeader *>(state.header), p.fingerprint, has_grad_lse, dense,
                  static_cast<float>(p.spec.filter_embeddings), static_cast<float>(p.spec.filter_classifier), control);
}

int32_t list_tokens(const Problem &p, const Logits &logits, int64_t *tokens, cudaStream_t stream) {
    return launch("listing rows of the embeddings", list_tokens_kernel, div_up(p.rows, kThreads), kThreads, stream,
                  logits, tokens);
}

int32_t decide_filters(const Problem &p, const float *dropped, int64_t splits, bool embeddings, bool classifier,
                       BackwardControl *control, float *report, cudaStream_t stream) {
    return launch("deciding on the filters", decide_filters_kernel, 1, kDecideThreads, stream, dropped, splits, p.rows,
                  p.spec.max_dropped_mass, embeddings, classifier, control, report);
}

}  // namespace cce::cuda
