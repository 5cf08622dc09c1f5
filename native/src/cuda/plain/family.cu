#include "cuda/plain/family.h"

#include <algorithm>

namespace cce::cuda::plain {
namespace {

bool serves(const Problem &) { return true; }

int64_t workspace_bytes(const Problem &p, int32_t passes) {
    return std::max(passes & CCE_PASS_FORWARD ? forward_workspace_bytes(p) : 0,
                    passes & CCE_PASS_BACKWARD ? backward_workspace_bytes(p) : 0);
}

}  // namespace

const Family kFamily = {
    "cuda-plain", serves, workspace_bytes, indexed_dot, log_sum_exp, make_state, forward, backward,
};

}  // namespace cce::cuda::plain
