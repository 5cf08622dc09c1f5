// Where the lists are too short, the work is left to dense products.
#include "cuda/check.h"
#include "cuda/filtered/kernels.h"

namespace cce::cuda::filtered {
namespace {

// Before anything is listed, only the number of units can be too large.
__global__ void leave_lists_kernel(Lists lists, BackwardControl *control) {
    if (lists.hold_everything())
        control->unmeasured = false;
    else
        control->dense = true;
}

}  // namespace

int32_t leave_lists(const Work &work, BackwardControl *control, cudaStream_t stream) {
    return launch("choosing between lists and dense products", leave_lists_kernel, 1, 1, stream, work.lists, control);
}

}  // namespace cce::cuda::filtered
