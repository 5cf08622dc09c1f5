// Gradients by dense products with mma.sync, for 16-bit inputs.
#pragma once

#include "cuda/backward/backward.h"

namespace cce::cuda::sm80 {

int32_t dz_block(const Problem &p, const Logits &logits, const DzInputs &inputs, const Block &block,
                 void *for_embeddings, void *for_classifier, cudaStream_t stream);

int32_t embeddings_gradient(const Problem &p, const void *classifier, const void *dz, const Block &block,
                            const DepthSplits &splits, const BackwardControl *control, float *partials,
                            const GradientStore &store, cudaStream_t stream);

int32_t classifier_gradient(const Problem &p, const void *embeddings, const int64_t *tokens, const void *dz,
                            const Block &block, const DepthSplits &splits, const BackwardControl *control,
                            float *partials, const GradientStore &store, cudaStream_t stream);

extern const BackwardKernels kBackward;

}  // namespace cce::cuda::sm80
