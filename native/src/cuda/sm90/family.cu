#include "cuda/sm90/family.h"

#include <algorithm>

#include "cuda/sm80/family.h"
#include "cuda/sm90/backward.h"
#include "cuda/sm90/tile.cuh"

namespace cce::cuda::sm90 {
namespace {

// The instructions are those of 9.0 alone, not of anything later.
bool runs_on(const DeviceTraits &device) { return device.compute_major == 9 && device.compute_minor == 0; }

// The copy engine counts rows in 32 bits, and so do these kernels the 16 bytes of a
// position in E and the bytes of a row.
bool serves(const Problem &p, const cce_inputs *in) {
    return p.spec.dtype != CCE_F32 && p.tokens < INT32_MAX && p.spec.classes < INT32_MAX - kTileClasses &&
           p.spec.hidden < INT32_MAX / 4 && p.tokens * p.spec.hidden / 8 < UINT32_MAX &&
           rows_are_aligned(in != nullptr ? in->embeddings : nullptr, in != nullptr ? in->classifier : nullptr,
                            p.spec.hidden * 2);
}

bool can_filter(const DeviceTraits &) { return true; }

}  // namespace

// A panel's rows of E take at most half of the L2 cache; the classes pass through the rest.
Schedule schedule(const Problem &p) {
    const DeviceTraits &device = traits_of(p.spec.device);
    const int64_t tile_bytes = kTileRows * p.spec.hidden * 2;
    return Schedule::of(p, kTileRows, kTileClasses, device.multiprocessors,
                        std::max<int64_t>(1, device.l2_bytes / 2 / tile_bytes));
}

const Family kFamily = {
    "cuda-sm90", runs_on, serves, kTileClasses,   true,                   true,
    schedule,    sweep,           filtered_units, sm80::filtered_windows, can_filter, &kBackward,
};

}  // namespace cce::cuda::sm90
