// How far a gradient lies from its reference.
#pragma once

#include <vector>

#include "device/buffer.h"
#include "device/dtype.h"

namespace cce::benchmark {

// Sums of squares, of which errors ||g - reference|| / ||reference|| are made.
struct Squares {
    double difference = 0;
    double reference = 0;

    void add(const Squares &other) {
        difference += other.difference;
        reference += other.reference;
    }
    double error() const;  // infinite, and no NaN that a comparison lets through, if anything is NaN
};

// Of each row of a float32 reference (rows, hidden) beside `actual`, whose row order[i], or i without an order, belongs
// to row i of the reference; without `actual`, beside zeros. In the order of `stream`; waits for it.
std::vector<Squares> squares_of_rows(Dtype dtype, const void *actual, const int64_t *order, const float *reference,
                                     int64_t rows, int64_t hidden, cudaStream_t stream);

// Of all rows together.
Squares squares(Dtype dtype, const void *actual, const int64_t *order, const float *reference, int64_t rows,
                int64_t hidden, cudaStream_t stream);
Squares squares(const float *actual, const int64_t *order, const float *reference, int64_t rows, int64_t hidden,
                cudaStream_t stream);

}  // namespace cce::benchmark
