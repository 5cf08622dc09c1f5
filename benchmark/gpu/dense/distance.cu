#include "dense/distance.h"

#include <cmath>

#include "device/reduce.cuh"

namespace cce::benchmark {
namespace {

constexpr int kThreads = 256;

// A block a row.
template <typename T>
__global__ void squares_kernel(const T *actual, const int64_t *order, const float *reference, int64_t hidden,
                               Squares *squares) {
    const int64_t row = blockIdx.x;
    const int64_t actual_row = order != nullptr ? order[row] : row;
    double of_difference = 0;
    double of_reference = 0;
    for (int64_t d = threadIdx.x; d < hidden; d += kThreads) {
        const double expected = reference[row * hidden + d];
        const double found = actual != nullptr ? static_cast<float>(actual[actual_row * hidden + d]) : 0.0;
        of_difference += (found - expected) * (found - expected);
        of_reference += expected * expected;
    }
    of_difference = reduce_block(of_difference, Add{});
    of_reference = reduce_block(of_reference, Add{});
    if (threadIdx.x != 0) return;
    squares[row].difference = of_difference;
    squares[row].reference = of_reference;
}

template <typename T>
std::vector<Squares> of_rows(const T *actual, const int64_t *order, const float *reference, int64_t rows,
                             int64_t hidden, cudaStream_t stream) {
    const Buffer<Squares> result(rows);
    squares_kernel<<<static_cast<unsigned>(rows), kThreads, 0, stream>>>(actual, order, reference, hidden,
                                                                         result.data());
    check(cudaGetLastError(), "comparing gradients");
    return result.read(stream);
}

Squares sum_of(const std::vector<Squares> &rows) {
    Squares sum;
    for (const Squares &row : rows) sum.add(row);
    return sum;
}

}  // namespace

double Squares::error() const {
    const double error = std::sqrt(difference / reference);
    return std::isnan(error) ? INFINITY : error;
}

std::vector<Squares> squares_of_rows(Dtype dtype, const void *actual, const int64_t *order, const float *reference,
                                     int64_t rows, int64_t hidden, cudaStream_t stream) {
    std::vector<Squares> result;
    with_type(dtype, [&](auto zero) {
        using T = decltype(zero);
        result = of_rows(static_cast<const T *>(actual), order, reference, rows, hidden, stream);
    });
    return result;
}

Squares squares(Dtype dtype, const void *actual, const int64_t *order, const float *reference, int64_t rows,
                int64_t hidden, cudaStream_t stream) {
    return sum_of(squares_of_rows(dtype, actual, order, reference, rows, hidden, stream));
}

Squares squares(const float *actual, const int64_t *order, const float *reference, int64_t rows, int64_t hidden,
                cudaStream_t stream) {
    return sum_of(of_rows(actual, order, reference, rows, hidden, stream));
}

}  // namespace cce::benchmark
