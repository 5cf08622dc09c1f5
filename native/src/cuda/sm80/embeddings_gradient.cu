// dE of a block of positions from a chunk of classes: dE[i] += sum_j dz[i,j] C[j]. 2 * D flops an element of dz bound
// it; a step reads 128 rows of dz and 64 of C for 128 * 256 * 64 of them.
//
// Instances: bf16 and fp16, with 2 to 4 stages.
#include "cuda/check.h"
#include "cuda/device.h"
#include "cuda/sm80/backward.h"
#include "cuda/sm80/product.cuh"

namespace cce::cuda::sm80 {
namespace {

// `classes`: row block.first_class of C.
template <typename T, int kStages>
__global__ void __launch_bounds__(kTileThreads, 1)
embeddings_gradient_kernel(const T *dz, const T *classes, Block block, const BackwardControl *control,
                           GradientStore store) {
    extern __shared__ __align__(128) char dynamic[];
    if (!block.is_due(*control)) return;
    const auto across = static_cast<int32_t>(div_up(store.width, kColumnTile));
    const int32_t line = static_cast<int32_t>(blockIdx.x) / across * kLineTile;
    const int32_t column = static_cast<int32_t>(blockIdx.x) % across * kColumnTile;
    const auto lines = static_cast<int32_t>(Minimum()(control->valid - block.first_row, block.rows));
    if (line >= lines) return;
    const auto depth = static_cast<int32_t>(block.existing(*control));
    ProductSums sums;
    multiply<T, kStages>(
        sums, shared_address(dynamic), AlongRows(dz + line * block.pitch, block.pitch, lines - line, depth),
        AcrossRows<kColumnTile, false>(classes + column, store.width, static_cast<int32_t>(store.width) - column,
                                       depth),
        static_cast<int32_t>(div_up(depth, kDepth)));
    store_tile_as<T>(store, sums, line, lines, column);
}

}  // namespace

int32_t embeddings_gradient(const Problem &p, const void *classifier, const void *dz, const Block &block,
                            const DepthSplits &, const BackwardControl *control, float *, const GradientStore &store,
                            cudaStream_t stream) {
    const int64_t blocks = div_up(block.rows, kLineTile) * div_up(p.spec.hidden, kColumnTile);
    return with_half(p.spec.dtype, [&](auto scalar) {
        using T = decltype(scalar);
        return with_stages(traits_of(p.spec.device).shared_bytes, [&](auto stages) {
            return launch_shared("computing the embeddings' gradient", embeddings_gradient_kernel<T, stages>, blocks,
                                 kTileThreads, stages * kProductStageBytes, stream, static_cast<const T *>(dz),
                                 static_cast<const T *>(classifier) + block.first_class * p.spec.hidden, block, control,
                                 store);
        });
    });
}

}  // namespace cce::cuda::sm80
