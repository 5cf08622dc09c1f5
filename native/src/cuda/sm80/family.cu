#include "cuda/sm80/family.h"

#include "cuda/sm80/backward.h"

namespace cce::cuda::sm80 {
namespace {

bool runs_on(const DeviceTraits &device) { return device.compute_major >= 8; }

// Rows are copied in pieces of 16 bytes, and counted, as the bytes of one, in 32 bits.
bool serves(const Problem &p, const cce_inputs *in) {
    if (p.spec.dtype == CCE_F32 && !p.spec.allow_tf32) return false;
    if (p.tokens > INT32_MAX || p.spec.hidden > INT32_MAX / 8) return false;
    return rows_are_aligned(in == nullptr ? nullptr : in->embeddings, in == nullptr ? nullptr : in->classifier,
                            p.spec.hidden * dtype_bytes(p.spec.dtype));
}

}  // namespace

const Family kFamily = {
    "cuda-sm80", runs_on, serves,         kSegmentClasses,  false,      false,
    schedule,    sweep,   filtered_units, filtered_windows, can_filter, &kBackward,
};

}  // namespace cce::cuda::sm80
