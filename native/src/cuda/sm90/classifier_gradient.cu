// dC of a chunk of classes from a block of positions: dC[j] = sum_i dz[i,j] E[i]. dz is read across its rows, and so is
// E; positions whose rows of E do not follow each other are gathered, 64 at a time.
//
// Instances: bf16 and fp16.
#include "cuda/device.h"
#include "cuda/sm90/backward.h"
#include "cuda/sm90/gradient.cuh"
#include "cuda/sm90/roles.cuh"
#include "cuda/sm90/tensor_map.h"

namespace cce::cuda::sm90 {
namespace {

struct Positions {
    const void *embeddings;
    const int64_t *tokens;  // of the block's positions
    int32_t count;
    int32_t pitch;          // of a row of E in 16 bytes
};

// Copies 64 rows x 192 columns of E by all threads of the producer; 0 for what does not exist.
__device__ void gather_across(Shared &shared, const Ring &ring, const Positions &in, int32_t first, int32_t column) {
    constexpr int kChunks = kRowBytes / 16;
    constexpr int kRowsAtOnce = kWarpgroup / kChunks;
    const int32_t chunk = threadIdx.x % kChunks;
    const auto *from = static_cast<const uint4 *>(in.embeddings);
#pragma unroll
    for (int round = 0; round < kStep / kRowsAtOnce; ++round) {
        const int32_t row = round * kRowsAtOnce + static_cast<int32_t>(threadIdx.x) / kChunks;
        const bool counts = first + row < in.count;
        const uint4 *begin = from + (counts ? in.tokens[first + row] : 0) * in.pitch;
        const uint32_t to = shared_address(shared.classes[ring.stage]) + row * kRowBytes + ((chunk ^ (row % 8)) * 16);
#pragma unroll
        for (int b = 0; b < kTileClasses / 64; ++b) {
            const int32_t place = column / 8 + b * kChunks + chunk;
            const bool exists = counts && place < in.pitch;
            copy_16(to + b * kBlockBytes, exists ? begin + place : from, exists);
        }
    }
}

template <typename T>
__global__ void __launch_bounds__(kBlockThreads, 1)
classifier_gradient_kernel(const __grid_constant__ CUtensorMap dz, const __grid_constant__ CUtensorMap embeddings,
                           const __grid_constant__ Block block, const BackwardControl *control,
                           const __grid_constant__ Positions positions, float *partials,
                           const __grid_constant__ GradientStore store) {
    begin_early();
    if (!block.is_due(*control)) return;
    const int64_t rest = Minimum()(control->valid - block.first_row, block.rows);
    const auto count = static_cast<int32_t>(Maximum()(rest, int64_t{0}));
    const auto steps = (count + kStep - 1) / kStep;
    const auto lines = static_cast<int32_t>(block.existing(*control));
    const GradientTiles whole = GradientTiles::of(lines, store.width, steps);
    const SplitTiles tiles = {whole, static_cast<int32_t>(splits_of(whole.count, steps, block.partial_tiles))};
    in_roles([](Shared &) {}, [&](Shared &shared) {
        Positions in = positions;
        in.count = count;
        Ring ring;
        tiles.for_each([&](int32_t line, int32_t column, const TilePart &part) {
            for (int32_t step = part.first_step; step < part.first_step + part.steps; ++step, ring.advance()) {
                uint64_t *full = &shared.full[ring.stage];
                const int32_t first = step * kStep;
                const bool whole = first + kStep <= count;
                const int64_t token = in.tokens[first];
                const bool contiguous = whole && in.tokens[first + kStep - 1] - token == kStep - 1;
                wait(&shared.empty[ring.stage], ring.parity ^ 1);
                if (threadIdx.x == 0) {
                    arrive_expecting(full, kRowTileBytes + (contiguous ? kClassTileBytes : 0));
                    if (contiguous) arrive(full, kFullArrivals - 1);
#pragma unroll
                    for (int b = 0; b < kTileRows / 64; ++b)
                        copy_box(shared.rows[ring.stage] + b * kBlockBytes, dz, first, line + 64 * b, full);
                    if (contiguous) fetch_across(shared, ring, embeddings, static_cast<int32_t>(token), column);
                }
                __syncwarp();
                if (contiguous) continue;
                gather_across(shared, ring, in, first, column);
                arrive_after_copies(full);
            }
        });
    }, [&](Shared &shared, int32_t group) {
        consume_gradient<T, Lies::kAcross>(shared, tiles, lines, group, true, [&](int32_t split) {
            return store_of_split(store, partials, tiles.splits, split, lines);
        });
    });
}

}  // namespace

int32_t classifier_gradient(const Problem &p, const void *embeddings, const int64_t *tokens, const void *dz,
                            const Block &block, const DepthSplits &, const BackwardControl *control, float *partials,
                            const GradientStore &store, cudaStream_t stream) {
    if (block.rows == 0)
        return gradient_clear(store.array, store.dtype, block.classes * store.width, store.add, control, stream);
    CUtensorMap rows;
    CUtensorMap columns;
    CCE_TRY(describe(dz, p.spec.dtype, block.rows, block.classes, block.pitch, kStep, &rows));
    CCE_TRY(describe(embeddings, p.spec.dtype, p.tokens, p.spec.hidden, p.spec.hidden, kStep, &columns));
    const Positions positions{embeddings, tokens, 0, static_cast<int32_t>(p.spec.hidden / 8)};
    return with_half(p.spec.dtype, [&](auto scalar) {
        return launch_roles_early("computing the classifier's gradient", classifier_gradient_kernel<decltype(scalar)>,
                                  traits_of(p.spec.device).multiprocessors, stream, rows, columns, block, control,
                                  positions, partials, store);
    });
}

}  // namespace cce::cuda::sm90
