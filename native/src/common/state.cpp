#include "common/state.h"

#include "common/status.h"

namespace cce {

int32_t check_targets(const Problem &p, const StateHeader &header) {
    if (header.bad_row < 0) return CCE_OK;
    const int64_t target = p.target_of(header.bad_row);
    return fail(CCE_ERROR_TARGET,
                "target %lld at position %lld (sequence %lld, index %lld) is neither in [0, %lld) nor the ignore index "
                "%lld",
                static_cast<long long>(header.bad_target), static_cast<long long>(header.bad_row),
                static_cast<long long>(target / p.spec.time), static_cast<long long>(target % p.spec.time),
                static_cast<long long>(p.spec.classes), static_cast<long long>(p.spec.ignore_index));
}

}  // namespace cce
