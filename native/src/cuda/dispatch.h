// Which kernel family serves a problem.
#pragma once

#include <cuda_runtime.h>

#include "common/backend.h"
#include "cuda/backward/backward.h"
#include "cuda/device.h"
#include "cuda/filtered/work.cuh"
#include "cuda/forward/sweep.cuh"

namespace cce::cuda {

// Kernels that together compute everything that is not shared: the sweep over the logits, and those of backward.
// Functions that take a stream are called with the problem's device current.
struct Family {
    const char *name;
    bool (*runs_on)(const DeviceTraits &device);
    // Whether it takes these inputs; `in` NULL: whether it could take some.
    bool (*serves)(const Problem &p, const cce_inputs *in);
    // Classes of the segments whose maxima its sweep leaves in the state; 0: it leaves none.
    int32_t segment_classes;
    // Whether its sweep keeps logits in the state, and its backward takes them from there.
    bool keeps_logits;
    // Whether its sweep leaves candidates there (forward/candidates.cuh), which filtered gradients are listed from.
    bool leaves_candidates;
    // From the shape and the device alone.
    Schedule (*schedule)(const Problem &p);
    // Sweeps the panels of `schedule`, which is the family's own with fewer panels or fewer workers.
    int32_t (*sweep)(const Problem &p, const Schedule &schedule, const SweepInputs &in, const Partials &out,
                     cudaStream_t stream);
    // Filtered gradients of 16-bit inputs, aligned or not, on devices that can; NULL: it has none of its own.
    int32_t (*filtered_units)(const Problem &p, const filtered::Work &work, cudaStream_t stream);
    int32_t (*filtered_windows)(const Problem &p, const filtered::Work &work, cudaStream_t stream);
    bool (*can_filter)(const DeviceTraits &device);
    const BackwardKernels *backward;
};

// The family that the environment variable CCE_KERNEL names, if it serves the call; else the first of the table that
// does.
const Family &family_of(const Problem &p, const cce_inputs &in);

// The first of the table that serves some inputs of `p`.
const Family &first_family_of(const Problem &p);

// The family that `device` tries first.
const Family &family_of_device(int32_t device);

// As in Backend.
bool keeps_logits(const Problem &p);
int64_t candidate_pairs(const Problem &p);

// Those of the family that family_of would name if it knew of the gradients too.
const BackwardKernels &backward_kernels_of(const Problem &p, const cce_inputs &in, const cce_gradients &grad);

// Enough for every family that may serve `p`: a pointer that is not aligned shows only at the call.
int64_t backward_workspace_bytes(const Problem &p);

// The name of the family that `device` tries first.
const char *family_name(int32_t device);

}  // namespace cce::cuda
