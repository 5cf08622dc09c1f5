// Filtered gradients where the lists are too short for all entries, window by window; else it does nothing. One
// persistent kernel, for how many windows there are is known on the device alone.
#pragma once

#include "cuda/filtered/heavy_pass.cuh"
#include "cuda/filtered/row_pass.cuh"
#include "cuda/filtered/together.cuh"
#include "cuda/filtered/units_kernel.cuh"
#include "cuda/filtered/windows.cuh"
#include "cuda/opaque.cuh"

namespace cce::cuda::filtered {

// Takes the place of units and stages; between any two of them all threads wait for each other.
union WindowShared {
    struct {
        RowTerms terms[kWarps];
        Segments segments[kWarps];
    } rows;
    Terms classes[kWarps];
    HeavyShared<kWarps> heavy;
};

constexpr int32_t windows_bytes(int32_t stage_bytes) {
    constexpr auto kPassBytes = static_cast<int32_t>(sizeof(WindowShared));
    return kUnitBytes + stage_bytes > kPassBytes ? kUnitBytes + stage_bytes : kPassBytes;
}

template <typename Product, bool kAligned>
__global__ void __launch_bounds__(kBlockThreads, 1) windows_kernel(const __grid_constant__ Work work) {
    using T = typename Product::Element;
    extern __shared__ __align__(kSwizzleBytes) char dynamic[];
    // None of these stays in registers, where it would be in the way of dot products.
    __shared__ Window window;
    const auto all = [&] { return window_of_all(work); };
    const auto warp = [] { return opaque(static_cast<int32_t>(threadIdx.x)) / kWarp; };
    WindowShared &shared = *reinterpret_cast<WindowShared *>(dynamic);
    const auto grid = cooperative_groups::this_grid();
    if (work.control->dense || work.lists.hold_everything()) return;
    const auto list = [&](const Window &next) {
        grid.sync();
        if (threadIdx.x == 0) window = next;
        __syncthreads();
        rank_tiles(work, window);
        grid.sync();
        number_units(work, window);
        grid.sync();
        list_window<Product>(dynamic, work, window, false);
        grid.sync();
    };
    for (int32_t row = 0; work.wants_rows() && row < all().end_row;) {
        list(rows_from(work, all(), row));
        const CollectedRows rows = {shared.rows.segments[warp()], work, window};
        sum_rows<T, kAligned>(shared.rows.terms[warp()], rows, work, window);
        row = window.end_row;
    }
    for (int32_t j = 0; work.wants_classes() && j < all().end_class;) {
        list(classes_from(work, all(), j));
        const CollectedClasses classes = {work, window};
        sum_classes<T, kAligned>(shared.classes[warp()], classes, work, window);
        grid.sync();
        sum_heavy_classes<T, kAligned>(shared.heavy, classes, work);
        j = window.end_class;
    }
}

template <typename Product, bool kAligned>
int32_t launch_windows(const Problem &p, const Work &work, cudaStream_t stream) {
    return launch_together(windows_kernel<Product, kAligned>, p, work, 1,
                           windows_bytes(Product::kStages * Product::kStageBytes), stream);
}

}  // namespace cce::cuda::filtered
