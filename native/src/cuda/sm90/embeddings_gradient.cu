// dE of a block of positions from a chunk of classes: dE[i] += sum_j dz[i,j] C[j]. C is read across its rows.
//
// Instances: bf16 and fp16.
#include "cuda/device.h"
#include "cuda/sm90/backward.h"
#include "cuda/sm90/gradient.cuh"
#include "cuda/sm90/roles.cuh"
#include "cuda/sm90/tensor_map.h"

namespace cce::cuda::sm90 {
namespace {

template <typename T>
__global__ void __launch_bounds__(kBlockThreads, 1)
embeddings_gradient_kernel(const __grid_constant__ CUtensorMap dz, const __grid_constant__ CUtensorMap classifier,
                           const __grid_constant__ Block block, const BackwardControl *control,
                           const __grid_constant__ GradientStore store) {
    begin_early();
    if (!block.is_due(*control)) return;
    const auto lines = static_cast<int32_t>(Minimum()(control->valid - block.first_row, block.rows));
    const auto steps = static_cast<int32_t>((block.existing(*control) + kStep - 1) / kStep);
    const GradientTiles tiles = GradientTiles::of(Maximum()(lines, 0), store.width, steps);
    in_roles([](Shared &) {}, [&](Shared &shared) {
        if (threadIdx.x != 0) return;
        Ring ring;
        tiles.for_each([&](int32_t line, int32_t column, const TilePart &) {
            for (int32_t step = 0; step < steps; ++step, ring.advance()) {
                uint64_t *full = &shared.full[ring.stage];
                wait(&shared.empty[ring.stage], ring.parity ^ 1);
                arrive_expecting(full, kRowTileBytes + kClassTileBytes);
                arrive(full, kFullArrivals - 1);
                copy_box(shared.rows[ring.stage], dz, line, step * kStep, full);
                fetch_across(shared, ring, classifier, static_cast<int32_t>(block.first_operand()) + step * kStep,
                             column);
            }
        });
    }, [&](Shared &shared, int32_t group) {
        consume_gradient<T, Lies::kAlong>(shared, tiles, lines, group, false, OneStore{store});
    });
}

}  // namespace

int32_t embeddings_gradient(const Problem &p, const void *classifier, const void *dz, const Block &block,
                            const DepthSplits &, const BackwardControl *control, float *, const GradientStore &store,
                            cudaStream_t stream) {
    if (block.rows == 0) return CCE_OK;
    CUtensorMap rows;
    CUtensorMap columns;
    CCE_TRY(describe(dz, p.spec.dtype, block.rows, block.classes, block.pitch, kTileRows, &rows));
    CCE_TRY(describe(classifier, p.spec.dtype, p.spec.classes, p.spec.hidden, p.spec.hidden, kStep, &columns));
    return with_half(p.spec.dtype, [&](auto scalar) {
        return launch_roles_early("computing the embeddings' gradient", embeddings_gradient_kernel<decltype(scalar)>,
                                  traits_of(p.spec.device).multiprocessors, stream, rows, columns, block, control,
                                  store);
    });
}

}  // namespace cce::cuda::sm90
