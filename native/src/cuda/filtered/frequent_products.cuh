// The shape of the products of frequent classes, which the device alone knows.
#pragma once

#include "cuda/filtered/work.cuh"

namespace cce::cuda::filtered {

constexpr int64_t kProductStep = 64;  // of positions or of classes: what products sum over at a time

__device__ inline int64_t whole_steps(int64_t count) { return div_up(count, kProductStep); }

// Tiles of a product with so many lines.
__device__ inline int64_t product_tiles(const Work &work, int64_t lines) {
    const ProductTile &tile = work.frequent.tile;
    return div_up(lines, tile.lines) * div_up(work.logits.hidden, tile.columns);
}

// How many thread blocks share a tile of dC of so many classes.
__device__ inline int64_t frequent_splits(const Work &work, int64_t classes) {
    return splits_of(product_tiles(work, classes), whole_steps(work.control->valid), work.frequent.partial_tiles);
}

}  // namespace cce::cuda::filtered
