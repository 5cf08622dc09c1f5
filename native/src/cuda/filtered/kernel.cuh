// Primitive 3 with filters (section 4.3 of the paper): one persistent kernel, whose thread blocks wait for each other
// between its steps.
//
//   mark    which positions are live in which tile of classes, from the codes that forward left: N * V / 192 bytes read
//   units   the logits of those again, on the tensor cores; what the filters keep goes to the lists
//   rows    dE: per position the sum of a few rows of C
//   classes dC and db: per class the sum of a few rows of E; first those of few entries, then the others
//
// On a trained head of 256,000 classes 2 % of the logits are live and 0.01 % are kept: the units cost a few hundredths
// of a full product, and the sums are bound by reading D elements an entry and by writing dC. Nothing is added
// atomically but integers. If the lists are too short for all, the steps go through windows.
#pragma once

#include <cooperative_groups.h>

#include "cuda/check.h"
#include "cuda/device.h"
#include "cuda/filtered/class_pass.cuh"
#include "cuda/filtered/row_pass.cuh"
#include "cuda/filtered/units.cuh"
#include "cuda/filtered/windows.cuh"

namespace cce::cuda::filtered {

struct PassShared {
    Terms terms[kWarps];
    Segments segments[kWarps];
    HeavyShared heavy;
};

// Dynamic shared memory: UnitShared, then the stages of a product or a PassShared.
constexpr int32_t kSwizzleBytes = 1024;  // stages begin at multiples
constexpr int32_t kUnitBytes = (sizeof(UnitShared) + kSwizzleBytes - 1) / kSwizzleBytes * kSwizzleBytes;
constexpr int32_t shared_bytes(int32_t stage_bytes) {
    constexpr auto kPassBytes = static_cast<int32_t>(sizeof(PassShared));
    return kUnitBytes + (stage_bytes > kPassBytes ? stage_bytes : kPassBytes);
}

// `kAligned`: whether all rows of inputs and gradients begin at multiples of 16 bytes.
template <typename Product, bool kAligned>
__global__ void __launch_bounds__(kBlockThreads, 1)
filtered_gradients_kernel(const __grid_constant__ Work work) {
    using T = typename Product::Element;
    extern __shared__ __align__(kSwizzleBytes) char dynamic[];
    UnitShared &units = *reinterpret_cast<UnitShared *>(dynamic);
    char *const stages = dynamic + kUnitBytes;
    PassShared &pass = *reinterpret_cast<PassShared *>(stages);
    Terms &terms = pass.terms[warp_of()];
    Segments &segments = pass.segments[warp_of()];
    const auto grid = cooperative_groups::this_grid();
    const bool gradients = work.mode != Mode::kMeasure;
    if (work.mode == Mode::kGradients && work.control->dense) return;

    const Window all = {0, static_cast<int32_t>(work.control->valid), 0, work.classes()};
    const auto compute = [&](const Window &window, bool counted) {
        grid.sync();
        number_units(work, window);
        grid.sync();
        compute_units<Product>(units, stages, work, window, counted);
        grid.sync();
    };
    const auto sum_window_classes = [&](const Window &window) {
        sum_classes<T, kAligned>(terms, work, window);
        grid.sync();
        sum_heavy_classes<T, kAligned>(terms, pass.heavy, work, window);
    };
    if (work.mode != Mode::kGradients || work.lists.counters->ready == 0) {
        mark_live(work, all);
        compute(all, true);
    }
    if (work.lists.hold_everything()) {
        if (work.wants_rows()) sum_rows<T, kAligned>(terms, segments, work, all);
        if (gradients && work.wants_classes()) sum_window_classes(all);
        if (!gradients && blockIdx.x == 0 && threadIdx.x == 0) work.lists.counters->ready = 1;
        return;
    }
    for (int32_t row = 0; work.wants_rows() && row < all.end_row;) {
        const Window window = rows_from(work, all, row);
        grid.sync();
        rank_tiles(work, window);
        compute(window, false);
        sum_rows<T, kAligned>(terms, segments, work, window);
        row = window.end_row;
    }
    for (int32_t j = 0; gradients && work.wants_classes() && j < all.end_class;) {
        const Window window = classes_from(work, all, j);
        grid.sync();
        rank_tiles(work, window);
        compute(window, false);
        sum_window_classes(window);
        j = window.end_class;
    }
}

template <typename Product, bool kAligned>
int32_t launch_gradients(const Problem &p, const Work &work, cudaStream_t stream) {
    const char *doing = "computing filtered gradients";
    const auto kernel = filtered_gradients_kernel<Product, kAligned>;
    constexpr int32_t kSharedBytes = shared_bytes(Product::kStages * Product::kStageBytes);
    CCE_TRY(check(cudaFuncSetAttribute(kernel, cudaFuncAttributeMaxDynamicSharedMemorySize, kSharedBytes), doing));
    Work parameter = work;
    void *parameters[] = {&parameter};
    // One block a multiprocessor, all at once, since they wait for each other.
    const auto blocks = static_cast<unsigned>(traits_of(p.spec.device).multiprocessors);
    return check(cudaLaunchCooperativeKernel(reinterpret_cast<const void *>(kernel), blocks, kBlockThreads, parameters,
                                             kSharedBytes, stream),
                 doing);
}

inline bool is_aligned(const GradientStore &store) { return reinterpret_cast<uintptr_t>(store.array) % 16 == 0; }

inline bool is_aligned(const Problem &p, const Work &work) {
    return rows_are_aligned(work.logits.embeddings, work.logits.classifier,
                            p.spec.hidden * dtype_bytes(p.spec.dtype)) &&
           is_aligned(work.embeddings) && is_aligned(work.classifier);
}

}  // namespace cce::cuda::filtered
