// The family "cuda-plain": float32 arithmetic on the CUDA cores. Serves every problem on every GPU; what faster
// families cannot take comes here, and they are tested against it.
#pragma once

#include "cuda/dispatch.h"

namespace cce::cuda::plain {

Schedule schedule(const Problem &p);
int32_t sweep(const Problem &p, const Schedule &schedule, const SweepInputs &in, const Partials &out,
              cudaStream_t stream);

// As in BackwardKernels; dz is float32.
BackwardPlan backward_plan(const Problem &p);
int32_t dz_block(const Problem &p, const Logits &logits, const DzInputs &inputs, const Block &block,
                 void *for_embeddings, void *for_classifier, cudaStream_t stream);
int32_t embeddings_gradient(const Problem &p, const void *classifier, const void *dz, const Block &block,
                            const DepthSplits &splits, const BackwardControl *control, float *partials,
                            const GradientStore &store, cudaStream_t stream);
int32_t classifier_gradient(const Problem &p, const void *embeddings, const int64_t *tokens, const void *dz,
                            const Block &block, const DepthSplits &splits, const BackwardControl *control,
                            float *partials, const GradientStore &store, cudaStream_t stream);

extern const BackwardKernels kBackward;
extern const Family kFamily;

}  // namespace cce::cuda::plain
