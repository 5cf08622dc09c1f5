// How rows of dC get from where condensed products leave them, where dC lends its memory, to where they belong. At
// first the rows of the live classes, in their order, are the last ones: what is before them is free for scratch. No
// row belongs behind the one that it is in. So first those move that belong before the last rows, in any order, for
// nothing that is still needed lies there; then the others, in ascending order, each to a row whose own content has
// moved before or is moving with it.
#pragma once

#include <cuda_runtime.h>

#include <cstdint>

namespace cce::cuda {

// The first of `count` ascending numbers that is `number` or more.
__host__ __device__ inline int64_t place_of(const int64_t *numbers, int64_t count, int64_t number) {
    int64_t place = 0;
    for (int64_t end = count; place < end;) {
        const int64_t middle = (place + end) / 2;
        if (numbers[middle] < number)
            place = middle + 1;
        else
            end = middle;
    }
    return place;
}

struct RowMoves {
    const int64_t *classes;  // the live ones, ascending
    int64_t count;
    int64_t rows;            // of dC

    __host__ __device__ int64_t source(int64_t place) const { return rows - count + place; }
    // At most source(place), as there are no more rows behind it than live classes.
    __host__ __device__ int64_t destination(int64_t place) const { return classes[place]; }
    // Whether it moves before the last rows; those that do come first.
    __host__ __device__ bool leaves_last(int64_t place) const { return destination(place) < source(0); }
    __host__ __device__ int64_t first_within() const { return place_of(classes, count, source(0)); }
};

}  // namespace cce::cuda
