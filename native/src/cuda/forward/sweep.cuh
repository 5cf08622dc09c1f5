// What every family's sweep over the logits is given.
#pragma once

#include "cuda/forward/candidates.cuh"
#include "cuda/forward/kept_logits.cuh"
#include "cuda/forward/logits.cuh"
#include "cuda/forward/partials.cuh"
#include "cuda/forward/schedule.cuh"
#include "cuda/forward/segments.cuh"

namespace cce::cuda {

struct SweepInputs {
    Logits logits;
    const float *target_logit;  // (R), of position r at r; read for the segment maxima and candidates
    SegmentMaxima segments;
    Candidates candidates;
    KeptLogits kept;
};

}  // namespace cce::cuda
