#include "cuda/plain/family.h"

namespace cce::cuda::plain {
namespace {

bool runs_on(const DeviceTraits &) { return true; }

bool serves(const Problem &, const cce_inputs *) { return true; }

bool serves_backward(const Problem &, const cce_gradients *) { return true; }

}  // namespace

const BackwardKernels kBackward = {
    sizeof(float), {}, backward_plan, serves_backward, dz_block, embeddings_gradient, classifier_gradient, nullptr,
    nullptr, nullptr,
};

const Family kFamily = {
    "cuda-plain", runs_on, serves, 0, false, false, schedule, sweep, nullptr, nullptr, nullptr, &kBackward,
};

}  // namespace cce::cuda::plain
