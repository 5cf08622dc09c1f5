// dC of a chunk of classes from a block of positions: dC[j] = sum_i dz[i,j] E[i], with the positions in ascending
// order. 2 * D flops an element of dz bound it.
#include "cuda/check.h"
#include "cuda/plain/family.h"
#include "cuda/plain/store_tile.cuh"
#include "cuda/reduce.cuh"

namespace cce::cuda::plain {
namespace {

template <typename T>
__global__ void __launch_bounds__(kTileThreads, 2)
classifier_gradient_kernel(const T *embeddings, const int64_t *tokens, const float *dz, Block block, DepthSplits splits,
                           const BackwardControl *control, float *partials, GradientStore store) {
    if (!block.is_due(*control)) return;
    __shared__ TileShared shared;
    const int64_t hidden = store.width;
    const int64_t class_blocks = div_up(block.classes, kTile);
    const int64_t column_blocks = div_up(hidden, kTile);
    const int64_t first_line = blockIdx.x % class_blocks * kTile;
    const int64_t first_column = blockIdx.x / class_blocks % column_blocks * kTile;
    const int64_t split = blockIdx.x / class_blocks / column_blocks;
    const ColumnsOperand<float> rows{dz + first_line, block.pitch, block.classes - first_line};
    const GatheredColumnsOperand<T> columns{embeddings + first_column, hidden, hidden - first_column, tokens};
    const int64_t positions = Minimum()(control->valid - block.first_row, block.rows);
    const int64_t begin = split * splits.depth_each;
    const int64_t end = Minimum()(begin + splits.depth_each, positions);  // none at all leaves a sum of 0
    MicroTile sum;
    multiply(sum, shared, rows, columns, begin, end);
    store_tile(store_of_split(store, partials, splits.count, split, block.classes), sum, first_line, block.classes,
               first_column);
}

}  // namespace

int32_t classifier_gradient(const Problem &p, const void *embeddings, const int64_t *tokens, const void *dz,
                            const Block &block, const DepthSplits &splits, const BackwardControl *control,
                            float *partials, const GradientStore &store, cudaStream_t stream) {
    const int64_t blocks = div_up(block.classes, kTile) * div_up(p.spec.hidden, kTile) * splits.count;
    CCE_TRY(with_scalar(p.spec.dtype, [&](auto scalar) {
        using T = decltype(scalar);
        return launch("computing the classifier's gradient", classifier_gradient_kernel<T>, blocks, kTileThreads,
                      stream, static_cast<const T *>(embeddings), tokens, static_cast<const float *>(dz), block, splits,
                      control, partials, store);
    }));
    if (splits.count == 1) return CCE_OK;
    return gradient_sum(partials, splits.count, block.classes, nullptr, 0, block.products, store, stream);
}

}  // namespace cce::cuda::plain
