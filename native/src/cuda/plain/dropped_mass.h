// The softmax mass that the filters of backward drop, measured for every family.
#pragma once

#include "cuda/backward/kernels.h"

namespace cce::cuda::plain {

// The vocabulary, which a block sweeps for 128 rows: `count` splits of `tiles_each` tiles of 128 classes.
struct VocabularySplits {
    int64_t count;
    int64_t tiles_each;
    static VocabularySplits of(const Problem &p);
};

// dropped[s * R + i] = softmax mass below the embeddings' threshold of counting position i in split s, then the same
// for the classifier's.
int32_t dropped_mass(const Problem &p, const Logits &logits, const VocabularySplits &splits, const float *lse,
                     const BackwardControl *control, float *dropped, cudaStream_t stream);

}  // namespace cce::cuda::plain
