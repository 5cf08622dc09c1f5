// dC of a chunk of classes from a block of positions: dC[j] = sum_i dz[i,j] E[i]. 2 * D flops an element of dz bound
// it.
//
// Instances: bf16 and fp16, with 2 to 4 stages.
#include "cuda/check.h"
#include "cuda/device.h"
#include "cuda/sm80/backward.h"
#include "cuda/sm80/product.cuh"

namespace cce::cuda::sm80 {
namespace {

template <typename T, int kStages>
__global__ void __launch_bounds__(kTileThreads, 1)
classifier_gradient_kernel(const T *dz, const T *embeddings, const int64_t *tokens, Block block,
                           const BackwardControl *control, GradientStore store) {
    extern __shared__ __align__(128) char dynamic[];
    if (!block.is_due(*control)) return;
    const auto across = static_cast<int32_t>(div_up(store.width, kColumnTile));
    const int32_t line = static_cast<int32_t>(blockIdx.x) / across * kLineTile;
    const int32_t column = static_cast<int32_t>(blockIdx.x) % across * kColumnTile;
    const auto lines = static_cast<int32_t>(block.existing(*control));
    if (line >= lines) return;
    const int64_t valid = Minimum()(control->valid - block.first_row, block.rows);
    const auto depth = static_cast<int32_t>(Maximum()(valid, int64_t{0}));  // none at all leaves a sum of 0
    ProductSums sums;
    multiply<T, kStages>(
        sums, shared_address(dynamic), AcrossRows<kLineTile, false>(dz + line, block.pitch, lines - line, depth),
        AcrossRows<kColumnTile, true>(embeddings + column, store.width, static_cast<int32_t>(store.width) - column,
                                      depth, tokens),
        static_cast<int32_t>(div_up(depth, kDepth)));
    store_tile_as<T>(store, sums, line, lines, column);
}

}  // namespace

int32_t classifier_gradient(const Problem &p, const void *embeddings, const int64_t *tokens, const void *dz,
                            const Block &block, const DepthSplits &, const BackwardControl *control, float *,
                            const GradientStore &store, cudaStream_t stream) {
    const int64_t blocks = div_up(block.classes, kLineTile) * div_up(p.spec.hidden, kColumnTile);
    return with_half(p.spec.dtype, [&](auto scalar) {
        using T = decltype(scalar);
        return with_stages(traits_of(p.spec.device).shared_bytes, [&](auto stages) {
            return launch_shared("computing the classifier's gradient", classifier_gradient_kernel<T, stages>, blocks,
                                 kTileThreads, stages * kProductStageBytes, stream, static_cast<const T *>(dz),
                                 static_cast<const T *>(embeddings), tokens, block, control, store);
        });
    });
}

}  // namespace cce::cuda::sm80
