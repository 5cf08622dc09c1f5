// Primitive 3 with filters (section 4.3 of the paper): one persistent kernel, whose thread blocks wait for each other
// between its steps.
//
//   mark    which positions are live in which tile of classes, from the codes that forward left: N * V / 192 bytes read
//   units   the logits of those again, by mma.sync; what the filters keep goes to the lists
//   rows    dE: per position the sum of a few rows of C
//   classes dC and db: per class the sum of a few rows of E; first those of few entries, then the others
//
// On a trained head of 256,000 classes 2 % of the logits are live and 0.01 % are kept: the units cost a few hundredths
// of a full product, and the sums are bound by reading D elements an entry and by writing dC. Nothing is added
// atomically but integers. If the lists are too short for all, the steps go through windows.
//
// Instances: bf16 and fp16, each with as many stages as fit, and one for rows that are not aligned.
#include <cooperative_groups.h>

#include "cuda/check.h"
#include "cuda/device.h"
#include "cuda/filtered/class_pass.cuh"
#include "cuda/filtered/filtered.h"
#include "cuda/filtered/row_pass.cuh"
#include "cuda/filtered/units.cuh"
#include "cuda/filtered/windows.cuh"

namespace cce::cuda::filtered {
namespace {

struct PassShared {
    Terms terms[kWarps];
    HeavyShared heavy;
};

// Dynamic shared memory: UnitShared, then the stages of a product or a PassShared.
constexpr int32_t kUnitBytes = (sizeof(UnitShared) + sm80::kRowBytes - 1) / sm80::kRowBytes * sm80::kRowBytes;
constexpr int32_t stage_bytes(int stages) { return stages * sm80::Across<kTileClasses>::kStageBytes; }
constexpr int32_t shared_bytes(int stages) {
    constexpr auto kPassBytes = static_cast<int32_t>(sizeof(PassShared));
    return kUnitBytes + (stage_bytes(stages) > kPassBytes ? stage_bytes(stages) : kPassBytes);
}
constexpr int kFewStages = 3;
constexpr int kManyStages = 4;

template <typename T, int kStages, bool kAligned>
__global__ void __launch_bounds__(kBlockThreads, 1)
filtered_gradients_kernel(const __grid_constant__ Work work) {
    extern __shared__ __align__(128) char dynamic[];
    UnitShared &units = *reinterpret_cast<UnitShared *>(dynamic);
    char *const stages = dynamic + kUnitBytes;
    PassShared &pass = *reinterpret_cast<PassShared *>(stages);
    Terms &terms = pass.terms[warp_of()];
    const auto grid = cooperative_groups::this_grid();
    const bool gradients = work.mode != Mode::kMeasure;
    if (work.mode == Mode::kGradients && work.control->dense) return;

    const Window all = {0, static_cast<int32_t>(work.control->valid), 0, work.classes()};
    const auto compute = [&](const Window &window, bool counted) {
        grid.sync();
        number_units(work, window);
        grid.sync();
        compute_units<T, kStages, kAligned>(units, stages, work, window, counted);
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
        if (work.wants_rows()) sum_rows<T, kAligned>(terms, work, all);
        if (gradients && work.wants_classes()) sum_window_classes(all);
        if (!gradients && blockIdx.x == 0 && threadIdx.x == 0) work.lists.counters->ready = 1;
        return;
    }
    for (int32_t row = 0; work.wants_rows() && row < all.end_row;) {
        const Window window = rows_from(work, all, row);
        grid.sync();
        rank_tiles(work, window);
        compute(window, false);
        sum_rows<T, kAligned>(terms, work, window);
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

template <typename T, int kStages, bool kAligned>
int32_t launch_instance(const Work &work, int32_t device, cudaStream_t stream) {
    const char *doing = "computing filtered gradients";
    const auto kernel = filtered_gradients_kernel<T, kStages, kAligned>;
    constexpr int32_t kSharedBytes = shared_bytes(kStages);
    CCE_TRY(check(cudaFuncSetAttribute(kernel, cudaFuncAttributeMaxDynamicSharedMemorySize, kSharedBytes), doing));
    Work parameter = work;
    void *parameters[] = {&parameter};
    // One block a multiprocessor, all at once, since they wait for each other.
    const auto blocks = static_cast<unsigned>(traits_of(device).multiprocessors);
    return check(cudaLaunchCooperativeKernel(reinterpret_cast<const void *>(kernel), blocks, kBlockThreads, parameters,
                                             kSharedBytes, stream),
                 doing);
}

bool is_aligned(const GradientStore &store) { return reinterpret_cast<uintptr_t>(store.array) % 16 == 0; }

}  // namespace

bool fits_device(int32_t device) {
    const DeviceTraits &traits = traits_of(device);
    return traits.compute_major >= 8 && traits.shared_bytes >= shared_bytes(kFewStages);
}

int32_t launch_gradients(const Problem &p, const Work &work, cudaStream_t stream) {
    const bool aligned = rows_are_aligned(work.logits.embeddings, work.logits.classifier,
                                          p.spec.hidden * dtype_bytes(p.spec.dtype)) &&
                         is_aligned(work.embeddings) && is_aligned(work.classifier);
    const bool many = traits_of(p.spec.device).shared_bytes >= shared_bytes(kManyStages);
    return with_half(p.spec.dtype, [&](auto scalar) {
        using T = decltype(scalar);
        const auto launch_kernel = !aligned ? launch_instance<T, kFewStages, false>
                                   : many   ? launch_instance<T, kManyStages, true>
                                            : launch_instance<T, kFewStages, true>;
        return launch_kernel(work, p.spec.device, stream);
    });
}

}  // namespace cce::cuda::filtered
