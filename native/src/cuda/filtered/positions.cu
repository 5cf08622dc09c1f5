// What marking needs of each counting position, read once by position r and left in the order of the list.
#include "cuda/check.h"
#include "cuda/filtered/kernels.h"

namespace cce::cuda::filtered {
namespace {

__global__ void __launch_bounds__(kThreads)
prepare_positions_kernel(Logits logits, const BackwardControl *control, const RowGradient *rows,
                         const StateHeader *header, const uint8_t *state_least_live, int64_t count, uint8_t *least_live,
                         int32_t *target_tile) {
    const int64_t i = static_cast<int64_t>(blockIdx.x) * kThreads + threadIdx.x;
    if (i >= count) return;
    const bool exists = i < control->valid;
    const bool has_codes = header->segment_classes > 0;  // else nobody wrote, nor will read, which are live
    least_live[i] = exists && has_codes ? state_least_live[logits.valid_rows[i]] : 255;
    const int64_t target = exists ? rows[i].target : -1;
    target_tile[i] = target >= 0 && target < logits.classes ? static_cast<int32_t>(target / kTileClasses) : -1;
}

}  // namespace

int32_t prepare_positions(const Problem &p, const Work &work, const uint8_t *state_least_live, uint8_t *least_live,
                          int32_t *target_tile, cudaStream_t stream) {
    const int64_t count = div_up(p.rows, kBlockRows) * kBlockRows;
    return launch("preparing the filters", prepare_positions_kernel, div_up(count, kThreads), kThreads, stream,
                  work.logits, work.control, work.rows, work.header, state_least_live, count, least_live, target_tile);
}

}  // namespace cce::cuda::filtered
