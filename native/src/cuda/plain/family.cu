#include "cuda/plain/family.h"

namespace cce::cuda::plain {
namespace {

bool runs_on(const DeviceTraits &) { return true; }

bool serves(const Problem &, const cce_inputs *) { return true; }

}  // namespace

const Family kFamily = {
    "cuda-plain", runs_on, serves, 0, schedule, sweep, backward_workspace_bytes, backward,
};

}  // namespace cce::cuda::plain
