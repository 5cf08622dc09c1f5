// dE of a block of positions from a chunk of classes: dE[i] += sum_j dz[i,j] C[j], with the classes in ascending order.
// 2 * D flops an element of dz bound it.
#include "cuda/check.h"
#include "cuda/plain/family.h"
#include "cuda/plain/store_tile.cuh"
#include "cuda/reduce.cuh"

namespace cce::cuda::plain {
namespace {

template <typename T>
__global__ void __launch_bounds__(kTileThreads, 2)
embeddings_gradient_kernel(const T *classifier, const float *dz, Block block, DepthSplits splits,
                           const BackwardControl *control, float *partials, GradientStore store) {
    if (!block.is_due(*control)) return;
    __shared__ TileShared shared;
    const int64_t hidden = store.width;
    const int64_t row_blocks = div_up(block.rows, kTile);
    const int64_t column_blocks = div_up(hidden, kTile);
    const int64_t first_line = blockIdx.x % row_blocks * kTile;
    const int64_t first_column = blockIdx.x / row_blocks % column_blocks * kTile;
    const int64_t split = blockIdx.x / row_blocks / column_blocks;
    const int64_t lines = Minimum()(control->valid - block.first_row, block.rows);
    if (first_line >= lines) return;
    const RowsOperand<float> rows{dz + first_line * block.pitch, block.pitch, lines - first_line};
    const ColumnsOperand<T> columns{classifier + block.first_class * hidden + first_column, hidden,
                                    hidden - first_column};
    const int64_t begin = split * splits.depth_each;
    const int64_t end = Minimum()(begin + splits.depth_each, block.classes);
    MicroTile sum;
    multiply(sum, shared, rows, columns, begin, end);
    store_tile(store_of_split(store, partials, splits.count, split, block.rows), sum, first_line, lines, first_column);
}

}  // namespace

int32_t embeddings_gradient(const Problem &p, const void *classifier, const void *dz, const Block &block,
                            const DepthSplits &splits, const BackwardControl *control, float *partials,
                            const GradientStore &store, cudaStream_t stream) {
    const int64_t blocks = div_up(block.rows, kTile) * div_up(p.spec.hidden, kTile) * splits.count;
    CCE_TRY(with_scalar(p.spec.dtype, [&](auto scalar) {
        using T = decltype(scalar);
        return launch("computing the embeddings' gradient", embeddings_gradient_kernel<T>, blocks, kTileThreads, stream,
                      static_cast<const T *>(classifier), static_cast<const float *>(dz), block, splits, control,
                      partials, store);
    }));
    if (splits.count == 1) return CCE_OK;
    return gradient_sum(partials, splits.count, block.rows, &control->valid, block.first_row, block.products, store,
                        stream);
}

}  // namespace cce::cuda::plain
