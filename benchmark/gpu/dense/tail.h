// The tail correction. What a filter of entries drops is close to rank one: m[i] * w[j], where m[i] is the dropped
// softmax mass of row i and w a distribution over the classes. A corrected gradient has that in every entry.
#pragma once

#include "dense/filters.h"

namespace cce::benchmark {

// w as it can be known without the dropped entries: softmax((C e + b) / 2), where e is the mean of the rows of E, each
// weighted by its dropped mass.
std::vector<float> guess_tail(const Operands &operands, const std::vector<Kept> &kept, cudaStream_t stream);

// The sums of dense.dz() over its rows, into the chunk's classes of `sums` (V).
void write_class_sums(const DenseHead &dense, const DenseChunk &chunk, float *sums, cudaStream_t stream);

// dense.dz() -= m w / rows: what a filter drops becomes what its corrected gradient still lacks. `kept` (rows) is that
// of all chunks, `tail` (V) is w.
void subtract_tail(const DenseHead &dense, const DenseChunk &chunk, const Kept *kept, const float *tail,
                   cudaStream_t stream);

}  // namespace cce::benchmark
