// The second kernel of filtered gradients, after marking.cu, of which families have instances: they know the tensor
// cores. It computes the logits of all units; what the filters keep goes to the lists.
//
// On a trained head of 256,000 classes a few hundredths of the logits are live and a few ten-thousandths are kept. The
// kernels of passes.cu then sum rows of C and of E, if the lists hold everything. Where they are too short,
// windows_kernel.cuh takes over. Nothing is added atomically but integers.
#pragma once

#include "cuda/check.h"
#include "cuda/device.h"
#include "cuda/filtered/units.cuh"

namespace cce::cuda::filtered {

// Dynamic shared memory: UnitShared of two units, then the stages of a product.
constexpr int32_t kSwizzleBytes = 1024;  // stages begin at multiples
constexpr int32_t kUnitBytes = (sizeof(UnitShared[2]) + kSwizzleBytes - 1) / kSwizzleBytes * kSwizzleBytes;

// All units of the window, which are numbered. The whole grid.
template <typename Product>
__device__ void list_window(char *shared, const Work &work, const Window &window, bool counted) {
    compute_units<Product>(*reinterpret_cast<UnitShared (*)[2]>(shared), shared + kUnitBytes, work, window, counted);
}

template <typename Product>
__global__ void __launch_bounds__(kBlockThreads, 1) units_kernel(const __grid_constant__ Work work) {
    extern __shared__ __align__(kSwizzleBytes) char dynamic[];
    if (work.control->dense || work.candidates.hold_everything()) return;
    list_window<Product>(dynamic, work, window_of_all(work), true);
}

template <typename Product>
int32_t launch_units(const Problem &p, const Work &work, cudaStream_t stream) {
    constexpr int32_t kSharedBytes = kUnitBytes + Product::kStages * Product::kStageBytes;
    return launch_shared("listing what the filters keep", units_kernel<Product>,
                         traits_of(p.spec.device).multiprocessors, kBlockThreads, kSharedBytes, stream, work);
}

}  // namespace cce::cuda::filtered
