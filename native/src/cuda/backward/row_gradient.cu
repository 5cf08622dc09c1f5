// From the gradients of the loss and of the lse to those of each position.
#include "cuda/backward/kernels.h"
#include "cuda/check.h"

namespace cce::cuda {
namespace {

struct LossTerms {
    bool loss_of_each_row;
    double smoothing;
    double z_loss;
};

__global__ void __launch_bounds__(kThreads)
row_gradient_kernel(Logits logits, LossGradient gradient, LossTerms terms, RowGradient *rows) {
    const int64_t i = static_cast<int64_t>(blockIdx.x) * kThreads + threadIdx.x;
    if (i >= *logits.valid) return;
    const Batch &batch = logits.batch;
    const int64_t r = logits.valid_rows[i];
    const int64_t target = batch.target(r);
    const double weight = batch.is_class(target) ? batch.class_weight(target) : 0.0;
    const double of_loss = gradient.of_loss == nullptr ? 1.0 : gradient.of_loss[terms.loss_of_each_row ? r : 0];
    const double divisor = gradient.header->divisor;
    const double g = divisor == 0.0 ? 0.0 : of_loss * batch.token_weight(r) / divisor;
    const double smoothing = g * terms.smoothing / static_cast<double>(batch.classes);
    const double lse = gradient.lse[r];
    double softmax = g * (1.0 - terms.smoothing) * weight;
    if (terms.smoothing > 0.0) softmax += smoothing * gradient.header->class_weight_sum;
    if (terms.z_loss > 0.0) softmax += g * 2.0 * terms.z_loss * lse;
    if (gradient.of_lse != nullptr) softmax += gradient.of_lse[r];
    rows[i] = {target, gradient.lse[r], static_cast<float>(softmax),
               static_cast<float>(g * (1.0 - terms.smoothing) * weight), static_cast<float>(smoothing)};
}

}  // namespace

int32_t row_gradients(const Problem &p, const Logits &logits, const LossGradient &gradient, RowGradient *rows,
                      cudaStream_t stream) {
    const LossTerms terms{p.spec.reduction == CCE_REDUCTION_NONE, p.spec.label_smoothing, p.spec.z_loss};
    return launch("computing the gradients of the positions", row_gradient_kernel, div_up(p.rows, kThreads), kThreads,
                  stream, logits, gradient, terms, rows);
}

}  // namespace cce::cuda
