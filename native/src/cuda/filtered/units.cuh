// Computes the logits of live positions again, one unit a time, and lists those that the filters keep. 2 * D flops for
// each of 128 x 192 logits on the tensor cores bound it: units of the same tile follow each other, so that their
// classes stay in the L2 cache, where E is anyway. A family whose thread blocks take one unit at a time brings its
// Product, which is one of listing.cuh and has
//
//     using Element;                            of E and C
//     static constexpr int kStageBytes;         of one step in shared memory, which holds kStages of them
//     Product(char *stages, const Logits &, const char *const *rows, int32_t tile);
//                                               begins to load to the stages, which must be free, what the product
//                                               takes first; `rows` has the row of E of each slot, in shared memory
//     void multiply(Sums &);                    once; the stages are free at its return
//
// The whole block calls both. While a unit is listed, the next one is being loaded.
#pragma once

#include "cuda/filtered/listing.cuh"

namespace cce::cuda::filtered {

// What a unit has in shared memory beside the stages of the product.
struct UnitShared {
    const char *rows[kUnitRows];  // of E
    UnitInputs inputs;
    KeptUnit<BlockTeam> kept;
};

// Finds the tile of a unit, from `tile` on, its positions and what the product and the filter need of them. The whole
// block must call it.
template <typename Product>
__device__ void prepare_unit(UnitShared &shared, const Work &work, const Window &window, int32_t tile, uint32_t unit) {
    using T = typename Product::Element;
    tile = find_tile(work.lists.tile_unit, tile, window.end_tile(), unit);
    shared.kept.clear(BlockTeam());
    begin_units<1>(BlockTeam(), &shared.inputs, work, window, tile,
                   (unit - work.lists.tile_unit[tile]) * kUnitRows);
    complete_units<1>(BlockTeam(), &shared.inputs, work, tile, [&](int slot, int64_t token) {
        shared.rows[slot] = reinterpret_cast<const char *>(static_cast<const T *>(work.logits.embeddings) +
                                                           token * work.logits.hidden);
    });
}

// All units of the window. `counted`: entries are counted by position and class too. The whole grid.
template <typename Product>
__device__ void compute_units(UnitShared (&shared)[2], char *stages, const Work &work, const Window &window,
                              bool counted) {
    const uint32_t units = work.lists.counters->units;
    uint32_t unit = blockIdx.x;
    if (unit >= units) return;
    prepare_unit<Product>(shared[0], work, window, window.first_tile(), unit);
    Product product(stages, work.logits, shared[0].rows, shared[0].inputs.tile);
    for (int own = 0;; own ^= 1) {
        typename Product::Sums sums;
        product.multiply(sums);
        // What the unit before this one had in shared memory is free: multiply() has waited for all threads.
        const uint32_t next = unit + gridDim.x;
        if (next < units) {
            UnitShared &of_next = shared[own ^ 1];
            prepare_unit<Product>(of_next, work, window, shared[own].inputs.tile, next);
            product = Product(stages, work.logits, of_next.rows, of_next.inputs.tile);
        }
        list_unit<Product>(BlockTeam(), shared[own].kept, shared[own].inputs, work, window, unit, sums, counted);
        if (next >= units) return;
        unit = next;
    }
}

}  // namespace cce::cuda::filtered
