// The first kernels of filtered gradients, of which families have instances: they know the tensor cores.
//
//   mark    which positions are live in which tile of classes, from the codes that forward left: N * V / 192 bytes read
//   units   the logits of those again; what the filters keep goes to the lists
//
// On a trained head of 256,000 classes a few hundredths of the logits are live and a few ten-thousandths are kept. The
// kernels of passes.cu then sum rows of C and of E, if the lists hold everything. Where they are too short,
// windows_kernel.cuh takes over. Nothing is added atomically but integers. Thread blocks wait for each other between
// the steps, so all must run at once.
#pragma once

#include <cooperative_groups.h>

#include "cuda/check.h"
#include "cuda/device.h"
#include "cuda/filtered/units.cuh"

namespace cce::cuda::filtered {

// Dynamic shared memory: UnitShared of two units, then the stages of a product.
constexpr int32_t kSwizzleBytes = 1024;  // stages begin at multiples
constexpr int32_t kUnitBytes = (sizeof(UnitShared[2]) + kSwizzleBytes - 1) / kSwizzleBytes * kSwizzleBytes;

__device__ inline Window window_of_all(const Work &work) {
    return {0, static_cast<int32_t>(work.control->valid), 0, work.classes()};
}

// Lists what is kept in a window whose tiles are ranked. The whole grid.
template <typename Product>
__device__ void list_window(char *shared, const Work &work, const Window &window, bool counted) {
    const auto grid = cooperative_groups::this_grid();
    grid.sync();
    number_units(work, window);
    grid.sync();
    compute_units<Product>(*reinterpret_cast<UnitShared (*)[2]>(shared), shared + kUnitBytes, work, window, counted);
}

template <typename Product>
__global__ void __launch_bounds__(kBlockThreads, 1) units_kernel(const __grid_constant__ Work work) {
    extern __shared__ __align__(kSwizzleBytes) char dynamic[];
    const Window all = window_of_all(work);
    mark_live(work, all);
    list_window<Product>(dynamic, work, all, true);
}

// Launches a kernel whose thread blocks wait for each other, one a multiprocessor.
inline int32_t launch_together(void (*kernel)(Work), const Problem &p, const Work &work, int32_t shared_bytes,
                               cudaStream_t stream) {
    const char *doing = "listing what the filters keep";
    CCE_TRY(check(cudaFuncSetAttribute(kernel, cudaFuncAttributeMaxDynamicSharedMemorySize, shared_bytes), doing));
    Work parameter = work;
    void *parameters[] = {&parameter};
    const auto blocks = static_cast<unsigned>(traits_of(p.spec.device).multiprocessors);
    return check(cudaLaunchCooperativeKernel(reinterpret_cast<const void *>(kernel), blocks, kBlockThreads, parameters,
                                             shared_bytes, stream),
                 doing);
}

template <typename Product>
int32_t launch_units(const Problem &p, const Work &work, cudaStream_t stream) {
    constexpr int32_t kSharedBytes = kUnitBytes + Product::kStages * Product::kStageBytes;
    return launch_together(units_kernel<Product>, p, work, kSharedBytes, stream);
}

// Whether all rows of inputs and gradients begin at multiples of 16 bytes.
inline bool is_aligned(const Problem &p, const Work &work) {
    return rows_are_aligned(work.logits.embeddings, work.logits.classifier,
                            p.spec.hidden * dtype_bytes(p.spec.dtype)) &&
           rows_are_aligned(work.embeddings.array, work.classifier.array, 0);
}

}  // namespace cce::cuda::filtered
