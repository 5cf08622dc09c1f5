// Lists the terms of each position: its entries, tile by tile, as rows of C and their factors, but for those of
// frequent classes. A warp a position. Loads that wait for each other are all there is to it, so warps are many.
#include "cuda/check.h"
#include "cuda/device.h"
#include "cuda/filtered/kernels.h"
#include "cuda/filtered/row_pass.cuh"

namespace cce::cuda::filtered {
namespace {

constexpr int kBlocksAtOnce = 4;  // of a multiprocessor

struct InGlobal {
    const Work &work;
    Term *terms;

    __device__ bool takes(int32_t j) const { return work.frequent_place(j) == Frequent::kNone; }
    __device__ void put(uint32_t place, const Term &term) const { terms[place] = term; }
};

__global__ void __launch_bounds__(kBlockThreads, kBlocksAtOnce)
list_row_terms_kernel(const __grid_constant__ Work work) {
    __shared__ Segments segments[kWarps];
    if (!work.sums_lists()) return;
    const Window all = window_of_all(work);
    for (int32_t i = static_cast<int32_t>(blockIdx.x) * kWarps + warp_of(); i < all.end_row; i += grid_warps()) {
        // Room for all of its entries. Where it lies depends on timing, what is there does not.
        unsigned long long first = 0;
        if (lane_of() == 0)
            first = atomicAdd(&work.lists.counters->row_terms,
                              static_cast<unsigned long long>(work.lists.row_entries[i]));
        const auto at = static_cast<uint32_t>(__shfl_sync(kAllLanes, first, 0));
        const uint32_t count =
            RowCollector(InGlobal{work, work.terms.by_position + at}, segments[warp_of()], work, all, i).collect();
        if (lane_of() == 0) work.terms.of_position[i] = {at, count};
    }
}

}  // namespace

int32_t list_row_terms(const Problem &p, const Work &work, cudaStream_t stream) {
    const int64_t blocks = int64_t{traits_of(p.spec.device).multiprocessors} * kBlocksAtOnce;
    return launch("listing the terms of positions", list_row_terms_kernel, blocks, kBlockThreads, stream, work);
}

}  // namespace cce::cuda::filtered
