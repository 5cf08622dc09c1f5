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
                                      bool dense, bool unmeasured, float filter_embeddings, float filter_classifier,
                                      BackwardControl *control) {
    const bool good = header->fingerprint == fingerprint;
    const bool any = good && (header->divisor != 0.0 || has_grad_lse);
    *control = {any ? header->valid : 0, good ? 0.0f : NAN, filter_embeddings, filter_classifier, dense, unmeasured,
                false, false, 0, good ? header->kept_classes : 0, 0, 1.0f, 1.0f};
}

__global__ void __launch_bounds__(kThreads) list_tokens_kernel(Logits logits, int64_t *tokens) {
    const int64_t i = static_cast<int64_t>(blockIdx.x) * kThreads + threadIdx.x;
    if (i < *logits.valid) tokens[i] = logits.token(i);
}

// What a filter, the first or the second, drops of counting position i.
__device__ double dropped_of(const FilterMass &mass, int64_t rows, int filter, int64_t i) {
    if (mass.kept != nullptr)
        return Maximum()(1.0 - static_cast<double>(mass.kept[filter * rows + i]) / kWholeMass, 0.0);
    double sum = 0.0;
    for (int64_t split = 0; split < mass.splits; ++split)
        sum += mass.dropped[(filter * mass.splits + split) * rows + i];
    return sum;
}

struct Dropped {
    double sum;
    double worst;
};

// Of the first `count` counting positions. The whole block must call it; the first thread has the result.
__device__ Dropped dropped_of_all(const FilterMass &mass, int64_t rows, int filter, int64_t count) {
    Dropped all = {0.0, 0.0};
    for (int64_t i = threadIdx.x; i < count; i += kDecideThreads) {
        const double of_row = dropped_of(mass, rows, filter, i);
        all.sum += of_row;
        all.worst = Maximum()(all.worst, of_row);
    }
    return {reduce_block(all.sum, Sum()), reduce_block(all.worst, Maximum())};
}

__device__ bool exceeds(double sum, int64_t valid, double limit) {
    return limit > 0.0 && sum > limit * static_cast<double>(valid);
}

// Decides and reports for one gradient. A filter that is off was found to exceed the limit before. The whole block must
// call it.
__device__ void decide(const FilterMass &mass, int64_t rows, int filter, int64_t valid, double limit, float *threshold,
                       float *mean_report, float *worst_report, float *exact_report) {
    const Dropped dropped = dropped_of_all(mass, rows, filter, valid);
    if (threadIdx.x != 0) return;
    const bool exact = *threshold == 0.0f || exceeds(dropped.sum, valid, limit);
    if (exact) *threshold = 0.0f;
    const double mean = valid > 0 ? dropped.sum / static_cast<double>(valid) : 0.0;
    *mean_report = exact ? 0.0f : static_cast<float>(mean);
    *worst_report = exact ? 0.0f : static_cast<float>(dropped.worst);
    *exact_report = exact ? 1.0f : 0.0f;
}

__global__ void __launch_bounds__(kDecideThreads)
decide_filters_kernel(FilterMass mass, int64_t rows, double limit, bool embeddings, bool classifier,
                      BackwardControl *control, float *report) {
    __shared__ float entries[CCE_REPORT_LENGTH];
    if (threadIdx.x < CCE_REPORT_LENGTH) entries[threadIdx.x] = 0.0f;
    __syncthreads();
    const int64_t valid = control->valid;
    if (embeddings)
        decide(mass, rows, 0, valid, limit, &control->filter_embeddings, &entries[CCE_REPORT_EMBEDDINGS_MEAN],
               &entries[CCE_REPORT_EMBEDDINGS_WORST], &entries[CCE_REPORT_EMBEDDINGS_EXACT]);
    if (classifier)
        decide(mass, rows, 1, valid, limit, &control->filter_classifier, &entries[CCE_REPORT_CLASSIFIER_MEAN],
               &entries[CCE_REPORT_CLASSIFIER_WORST], &entries[CCE_REPORT_CLASSIFIER_EXACT]);
    __syncthreads();
    if (threadIdx.x == 0 && entries[CCE_REPORT_EMBEDDINGS_EXACT] + entries[CCE_REPORT_CLASSIFIER_EXACT] > 0.0f)
        control->dense = true;
    if (report != nullptr && threadIdx.x < CCE_REPORT_LENGTH) report[threadIdx.x] = entries[threadIdx.x];
}

__global__ void __launch_bounds__(kDecideThreads)
decide_filters_early_kernel(FilterMass mass, int64_t rows, int64_t count, double limit, bool embeddings,
                            bool classifier, BackwardControl *control) {
    if (!control->unmeasured) return;
    const int64_t valid = control->valid;
    const auto is_exact = [&](int filter) {
        return exceeds(dropped_of_all(mass, rows, filter, Minimum()(count, valid)).sum, valid, limit);
    };
    const bool exact_embeddings = embeddings && is_exact(0);
    const bool exact_classifier = classifier && is_exact(1);
    if (threadIdx.x != 0) return;
    if (exact_embeddings) control->filter_embeddings = 0.0f;
    if (exact_classifier) control->filter_classifier = 0.0f;
    if (exact_embeddings == embeddings && exact_classifier == classifier) control->unmeasured = false;
}

// One thread.
__global__ void make_dense_exact_kernel(bool embeddings, bool classifier, BackwardControl *control, float *report) {
    if (!control->dense || control->condensed) return;
    control->filter_embeddings = control->filter_classifier = 0.0f;
    if (report == nullptr) return;
    if (embeddings) {
        report[CCE_REPORT_EMBEDDINGS_MEAN] = report[CCE_REPORT_EMBEDDINGS_WORST] = 0.0f;
        report[CCE_REPORT_EMBEDDINGS_EXACT] = 1.0f;
    }
    if (classifier) {
        report[CCE_REPORT_CLASSIFIER_MEAN] = report[CCE_REPORT_CLASSIFIER_WORST] = 0.0f;
        report[CCE_REPORT_CLASSIFIER_EXACT] = 1.0f;
    }
}

}  // namespace

int32_t begin_backward(const Problem &p, const State &state, bool has_grad_lse, bool dense, bool unmeasured,
                       BackwardControl *control, cudaStream_t stream) {
    return launch("checking the state", begin_backward_kernel, 1, 1, stream,
                  static_cast<const StateHeader *>(state.header), p.fingerprint, has_grad_lse, dense, unmeasured,
                  static_cast<float>(p.spec.filter_embeddings), static_cast<float>(p.spec.filter_classifier), control);
}

int32_t list_tokens(const Problem &p, const Logits &logits, int64_t *tokens, cudaStream_t stream) {
    return launch("listing rows of the embeddings", list_tokens_kernel, div_up(p.rows, kThreads), kThreads, stream,
                  logits, tokens);
}

int32_t decide_filters(const Problem &p, const FilterMass &mass, bool embeddings, bool classifier,
                       BackwardControl *control, float *report, cudaStream_t stream) {
    return launch("deciding on the filters", decide_filters_kernel, 1, kDecideThreads, stream, mass, p.rows,
                  p.spec.max_dropped_mass, embeddings, classifier, control, report);
}

int32_t decide_filters_early(const Problem &p, const FilterMass &mass, int64_t rows, bool embeddings, bool classifier,
                             BackwardControl *control, cudaStream_t stream) {
    return launch("deciding on the filters", decide_filters_early_kernel, 1, kDecideThreads, stream, mass, p.rows, rows,
                  p.spec.max_dropped_mass, embeddings, classifier, control);
}

int32_t make_dense_exact(bool embeddings, bool classifier, BackwardControl *control, float *report,
                         cudaStream_t stream) {
    return launch("switching filters off that save nothing", make_dense_exact_kernel, 1, 1, stream, embeddings,
                  classifier, control, report);
}

}  // namespace cce::cuda
