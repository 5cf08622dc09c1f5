// Exact and filtered gradients by dense products on the tensor cores.
#pragma once

#include "cuda/backward/backward.h"
#include "cuda/backward/kernels.h"
#include "cuda/forward/schedule.cuh"

namespace cce::cuda::sm90 {

// The sweep over the logits of `rows` positions and all classes of `p`, in panels of one size.
Schedule schedule_of_rows(const Problem &p, int64_t rows);

int32_t dz_block(const Problem &p, const Logits &logits, const DzInputs &inputs, const Block &block,
                 void *for_embeddings, void *for_classifier, cudaStream_t stream);

int32_t embeddings_gradient(const Problem &p, const void *classifier, const void *dz, const Block &block,
                            const DepthSplits &splits, const BackwardControl *control, float *partials,
                            const GradientStore &store, cudaStream_t stream);

int32_t classifier_gradient(const Problem &p, const void *embeddings, const int64_t *tokens, const void *dz,
                            const Block &block, const DepthSplits &splits, const BackwardControl *control,
                            float *partials, const GradientStore &store, cudaStream_t stream);

int32_t kept_mass(const Problem &p, const Logits &logits, const DzInputs &inputs, int64_t first_row, int64_t rows,
                  KeptMass *kept, cudaStream_t stream);

int32_t mark_classes(const Problem &p, const filtered::Work &work, uint8_t *marks, cudaStream_t stream);

extern const BackwardKernels kBackward;

}  // namespace cce::cuda::sm90
