// Prepares what the frequent classes are multiplied with.
#include "cuda/filtered/frequent.h"

#include <algorithm>

#include "cuda/backward/gradient_store.cuh"
#include "cuda/check.h"
#include "cuda/device.h"
#include "cuda/filtered/class_pass.cuh"
#include "cuda/filtered/frequent_products.cuh"
#include "cuda/filtered/kernels.h"

namespace cce::cuda::filtered {
namespace {

// Clears the columns of dz that are read, then gathers rows of C. A warp a row.
__global__ void __launch_bounds__(kThreads) prepare_frequent_kernel(const __grid_constant__ Work work, int64_t chunks) {
    if (!work.sums_lists()) return;
    const Frequent &frequent = work.frequent;
    // Products read whole steps of both.
    const int64_t count = work.control->frequent_classes;
    const int64_t places = whole_steps(count) * kProductStep;
    const int64_t rows = count > 0 ? Minimum()(whole_steps(work.control->valid) * kProductStep, work.kept_pitch) : 0;
    const int64_t used = places / 8;  // vectors of 16 bytes
    const int64_t pitch = frequent.most / 8;
    const bool two = frequent.dz[1] != frequent.dz[0];
    for (int64_t item = int64_t{blockIdx.x} * (kThreads / kWarp) + warp_of(); item < rows + places;
         item += grid_warps()) {
        if (item < rows) {
            for (int64_t k = lane_of(); k < used; k += kWarp) {
                static_cast<uint4 *>(frequent.dz[0])[item * pitch + k] = uint4{};
                if (two) static_cast<uint4 *>(frequent.dz[1])[item * pitch + k] = uint4{};
            }
        } else {
            const int64_t place = item - rows;
            const bool exists = place < count;
            const auto *const from = static_cast<const uint4 *>(work.logits.classifier) +
                                     (exists ? frequent.classes[place] : 0) * chunks;
            auto *const to = static_cast<uint4 *>(frequent.classifier) + place * chunks;
            for (int64_t k = lane_of(); k < chunks; k += kWarp) to[k] = exists ? from[k] : uint4{};
        }
    }
}

// Adds the parts of dC that blocks which shared a tile have left, in their order. A thread has 4 columns.
__global__ void __launch_bounds__(kThreads) sum_frequent_partials_kernel(const __grid_constant__ Work work) {
    if (!work.sums_lists()) return;
    const Frequent &frequent = work.frequent;
    const GradientStore &to = work.classifier;
    const int64_t count = work.control->frequent_classes;
    const int64_t splits = frequent_splits(work, count);
    if (splits == 1) return;
    const int64_t quads = to.width / 4;
    for (int64_t item = int64_t{blockIdx.x} * kThreads + threadIdx.x; item < count * quads;
         item += int64_t{gridDim.x} * kThreads) {
        float sum[4] = {};
        for (int64_t split = 0; split < splits; ++split) {
            const float4 part = reinterpret_cast<const float4 *>(frequent.partials)[split * count * quads + item];
            sum[0] += part.x;
            sum[1] += part.y;
            sum[2] += part.z;
            sum[3] += part.w;
        }
        const int64_t j = frequent.classes[item / quads];
#pragma unroll
        for (int e = 0; e < 4; ++e) store_gradient(to, j, item % quads * 4 + e, sum[e]);
    }
}

// db of the frequent classes. A warp a class.
__global__ void __launch_bounds__(kThreads) sum_frequent_biases_kernel(const __grid_constant__ Work work) {
    if (!work.sums_lists()) return;
    const int64_t count = work.control->frequent_classes;
    for (int64_t place = int64_t{blockIdx.x} * (kThreads / kWarp) + warp_of(); place < count; place += grid_warps()) {
        const int64_t j = work.frequent.classes[place];
        const uint32_t begin = work.terms.class_begin[j];
        const double sum = sum_terms(work.terms.by_class + begin,
                                     static_cast<int32_t>(work.terms.class_begin[j + 1] - begin));
        if (lane_of() == 0) store_bias(work, static_cast<int32_t>(j), sum);
    }
}

}  // namespace

Frequent Frequent::at(const Problem &p, const ProductTile &tile, bool separate_dz, float *sums, int64_t bytes,
                      Carver *carver) {
    const int64_t row = p.spec.hidden * dtype_bytes(p.spec.dtype);
    const int64_t column = p.rows * dtype_bytes(p.spec.dtype) * (separate_dz ? 2 : 1);
    const int64_t of_class = row + column + static_cast<int64_t>(sizeof(int64_t));
    const int64_t of_places = p.spec.classes * static_cast<int64_t>(sizeof(uint16_t));
    // A tile for each multiprocessor, or as many as half of the memory holds.
    const int64_t tile_bytes = int64_t{tile.lines} * tile.columns * static_cast<int64_t>(sizeof(float));
    const int64_t most_tiles = std::max<int64_t>(0, bytes / 2) / tile_bytes;
    const int64_t partial_tiles =
        tile.splits ? std::min<int64_t>(traits_of(p.spec.device).multiprocessors, most_tiles) : 0;
    constexpr int64_t kParts = 6;  // each of which alignment may make larger
    const int64_t room = (bytes - of_places - partial_tiles * tile_bytes - kParts * kAlignment) / of_class;
    Frequent frequent = {};
    frequent.most = std::min({room, p.spec.classes / 4, int64_t{kNone}}) / kProductStep * kProductStep;
    // What label smoothing adds is there for all classes.
    if (frequent.most <= 0 || p.spec.label_smoothing > 0.0) return {};
    frequent.places = carver->take<uint16_t>(p.spec.classes);
    frequent.classes = carver->take<int64_t>(frequent.most);
    frequent.classifier = carver->take<char>(frequent.most * row);
    frequent.dz[0] = carver->take<char>(p.rows * frequent.most * dtype_bytes(p.spec.dtype));
    frequent.dz[1] = separate_dz ? carver->take<char>(p.rows * frequent.most * dtype_bytes(p.spec.dtype))
                                 : frequent.dz[0];
    frequent.sums = sums;
    frequent.partials = reinterpret_cast<float *>(carver->take<char>(partial_tiles * tile_bytes));
    frequent.partial_tiles = partial_tiles;
    frequent.tile = tile;
    return frequent;
}

int32_t prepare_frequent(const Problem &p, const Work &work, cudaStream_t stream) {
    constexpr int64_t kBlocksAtOnce = 4;
    if (work.frequent.most == 0) return CCE_OK;
    return launch("preparing the frequent classes", prepare_frequent_kernel,
                  int64_t{traits_of(p.spec.device).multiprocessors} * kBlocksAtOnce, kThreads, stream, work,
                  p.spec.hidden * dtype_bytes(p.spec.dtype) / static_cast<int64_t>(sizeof(uint4)));
}

int32_t sum_frequent_partials(const Problem &p, const Work &work, cudaStream_t stream) {
    constexpr int64_t kBlocksAtOnce = 4;
    if (work.frequent.partial_tiles == 0 || work.classifier.array == nullptr) return CCE_OK;
    return launch("summing parts of frequent classes", sum_frequent_partials_kernel,
                  int64_t{traits_of(p.spec.device).multiprocessors} * kBlocksAtOnce, kThreads, stream, work);
}

int32_t sum_frequent_biases(const Problem &p, const Work &work, cudaStream_t stream) {
    if (work.frequent.most == 0 || work.bias.array == nullptr) return CCE_OK;
    return launch("summing the biases of frequent classes", sum_frequent_biases_kernel,
                  traits_of(p.spec.device).multiprocessors, kThreads, stream, work);
}

}  // namespace cce::cuda::filtered
