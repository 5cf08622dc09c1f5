// Sums over the lists where they hold everything: dE by position, then dC and db by class, first the classes of few
// entries, then the others. Bound by reading D elements an entry, mostly from the L2 cache, and by writing dC.
//
// Instances: bf16 and fp16, rows that are aligned to 16 bytes and others, terms that are listed and others.
#include "cuda/check.h"
#include "cuda/device.h"
#include "cuda/filtered/heavy_pass.cuh"
#include "cuda/filtered/kernels.h"
#include "cuda/filtered/row_pass.cuh"
#include "cuda/filtered/units_kernel.cuh"

namespace cce::cuda::filtered {
namespace {

// As many as have the registers that they need.
template <bool kAligned>
constexpr int kPassThreads = kAligned ? 384 : 256;
template <bool kAligned>
constexpr int kPassWarps = kPassThreads<kAligned> / kWarp;

template <int kBlockWarps, bool kListed>
struct RowShared {
    RowTerms terms[kBlockWarps];
    Segments segments[kBlockWarps];
};

template <int kBlockWarps>
struct RowShared<kBlockWarps, true> {
    RowTerms terms[kBlockWarps];
};

template <int kBlockWarps>
struct ClassShared {
    Terms terms[kBlockWarps];
};

// Where terms come from: `kListed`: from where they were listed, else from the lists themselves.
template <int kBlockWarps, bool kListed>
__device__ auto rows_of(RowShared<kBlockWarps, kListed> &shared, const Work &work, const Window &window) {
    if constexpr (kListed)
        return ListedRows{work.terms};
    else
        return CollectedRows{shared.segments[warp_of()], work, window};
}

template <bool kListed>
__device__ auto classes_of(const Work &work, const Window &window) {
    if constexpr (kListed)
        return ListedClasses{work.terms, work.classes()};
    else
        return CollectedClasses{work, window};
}

template <typename T, bool kAligned, bool kListed>
__global__ void __launch_bounds__(kPassThreads<kAligned>, 1) rows_kernel(const __grid_constant__ Work work) {
    extern __shared__ __align__(16) char dynamic[];
    auto &shared = *reinterpret_cast<RowShared<kPassWarps<kAligned>, kListed> *>(dynamic);
    if (!work.sums_lists()) return;
    const Window all = window_of_all(work);
    sum_rows<T, kAligned>(shared.terms[warp_of()], rows_of(shared, work, all), work, all);
}

template <typename T, bool kAligned, bool kListed>
__global__ void __launch_bounds__(kPassThreads<kAligned>, 1) classes_kernel(const __grid_constant__ Work work) {
    extern __shared__ __align__(16) char dynamic[];
    auto &shared = *reinterpret_cast<ClassShared<kPassWarps<kAligned>> *>(dynamic);
    if (!work.sums_lists()) return;
    const Window all = window_of_all(work);
    sum_classes<T, kAligned>(shared.terms[warp_of()], classes_of<kListed>(work, all), work, all);
}

template <typename T, bool kAligned, bool kListed>
__global__ void __launch_bounds__(kPassThreads<kAligned>, 1) heavy_classes_kernel(const __grid_constant__ Work work) {
    extern __shared__ __align__(16) char dynamic[];
    auto &shared = *reinterpret_cast<HeavyShared<kPassWarps<kAligned>> *>(dynamic);
    if (!work.sums_lists()) return;
    const Window all = window_of_all(work);
    sum_heavy_classes<T, kAligned>(shared, classes_of<kListed>(work, all), work);
}

template <typename T, bool kAligned, bool kListed>
int32_t launch_passes_as(const Problem &p, const Work &work, cudaStream_t stream) {
    const char *doing = "summing filtered gradients";
    constexpr int kThreads = kPassThreads<kAligned>;
    constexpr int kBlockWarps = kPassWarps<kAligned>;
    const int32_t blocks = traits_of(p.spec.device).multiprocessors;
    if (work.wants_rows())
        CCE_TRY(launch_shared(doing, rows_kernel<T, kAligned, kListed>, blocks, kThreads,
                              sizeof(RowShared<kBlockWarps, kListed>), stream, work));
    if (!work.wants_classes()) return CCE_OK;
    CCE_TRY(launch_shared(doing, classes_kernel<T, kAligned, kListed>, blocks, kThreads,
                          sizeof(ClassShared<kBlockWarps>), stream, work));
    return launch_shared(doing, heavy_classes_kernel<T, kAligned, kListed>, blocks, kThreads,
                         sizeof(HeavyShared<kBlockWarps>), stream, work);
}

template <typename T, bool kAligned>
int32_t launch_passes_as(const Problem &p, const Work &work, cudaStream_t stream) {
    return work.terms.exist() ? launch_passes_as<T, kAligned, true>(p, work, stream)
                              : launch_passes_as<T, kAligned, false>(p, work, stream);
}

}  // namespace

int32_t launch_passes(const Problem &p, const Work &work, cudaStream_t stream) {
    return with_half(p.spec.dtype, [&](auto scalar) {
        using T = decltype(scalar);
        return is_aligned(p, work) ? launch_passes_as<T, true>(p, work, stream)
                                   : launch_passes_as<T, false>(p, work, stream);
    });
}

}  // namespace cce::cuda::filtered
