#include "cuda/dispatch.h"

#include <algorithm>
#include <cstdlib>
#include <cstring>

#include "cuda/filtered/filtered.h"
#include "cuda/forward/candidates.cuh"
#include "cuda/forward/kept_logits.cuh"
#include "cuda/plain/family.h"
#include "cuda/sm80/family.h"
#include "cuda/sm90/family.h"

namespace cce::cuda {
namespace {

// The fastest first. The last one serves every problem.
const Family *const kFamilies[] = {
    &sm90::kFamily,
    &sm80::kFamily,
    &plain::kFamily,
};

// The family that CCE_KERNEL names, or NULL. The variable may as well name a family of the CPU.
const Family *forced_family() {
    const char *name = getenv("CCE_KERNEL");
    if (name == nullptr) return nullptr;
    for (const Family *family : kFamilies)
        if (strcmp(family->name, name) == 0) return family;
    return nullptr;
}

bool can_run(const Family &family, int32_t device) { return family.runs_on(traits_of(device)); }

bool can_serve(const Family &family, const Problem &p, const cce_inputs *in) {
    return can_run(family, p.spec.device) && family.serves(p, in);
}

// The first of the table that `suits`.
template <typename Suits>
const Family &first_that(Suits suits) {
    const Family *const *family = kFamilies;
    while (!suits(**family)) ++family;
    return **family;
}

// The same, but the one that CCE_KERNEL names comes before all others.
template <typename Suits>
const Family &preferred_that(Suits suits) {
    const Family *forced = forced_family();
    return forced != nullptr && suits(*forced) ? *forced : first_that(suits);
}

}  // namespace

const Family &family_of(const Problem &p, const cce_inputs &in) {
    return preferred_that([&](const Family &family) { return can_serve(family, p, &in); });
}

const Family &first_family_of(const Problem &p) {
    return first_that([&](const Family &family) { return can_serve(family, p, nullptr); });
}

const Family &family_of_device(int32_t device) {
    return preferred_that([&](const Family &family) { return can_run(family, device); });
}

bool keeps_logits(const Problem &p) {
    return first_family_of(p).keeps_logits && KeptLogits::apply(p);
}

int64_t candidate_pairs(const Problem &p) {
    return first_family_of(p).leaves_candidates && filtered::applies(p) ? Candidates::room(p) : 0;
}

const BackwardKernels &backward_kernels_of(const Problem &p, const cce_inputs &in, const cce_gradients &grad) {
    return *preferred_that([&](const Family &family) {
        return can_serve(family, p, &in) && family.backward->serves(p, &grad);
    }).backward;
}

int64_t backward_workspace_bytes(const Problem &p) {
    int64_t bytes = 0;
    for (const Family *family : kFamilies) {
        const BackwardKernels &kernels = *family->backward;
        if (!can_serve(*family, p, nullptr) || !kernels.serves(p, nullptr)) continue;
        bytes = std::max(bytes, BackwardScratch::at(p, kernels, nullptr).bytes);
    }
    return bytes;
}

const char *family_name(int32_t device) { return family_of_device(device).name; }

}  // namespace cce::cuda
