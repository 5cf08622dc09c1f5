#include "cuda/dispatch.h"

#include <algorithm>
#include <cstdlib>
#include <cstring>

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

}  // namespace

const Family &family_of(const Problem &p, const cce_inputs &in) {
    const Family *forced = forced_family();
    if (forced != nullptr && can_serve(*forced, p, &in)) return *forced;
    const Family *const *family = kFamilies;
    while (!can_serve(**family, p, &in)) ++family;
    return **family;
}

const Family &first_family_of(const Problem &p) {
    const Family *const *family = kFamilies;
    while (!can_serve(**family, p, nullptr)) ++family;
    return **family;
}

int64_t backward_workspace_bytes(const Problem &p) {
    int64_t bytes = 0;
    for (const Family *family : kFamilies)
        if (can_serve(*family, p, nullptr)) bytes = std::max(bytes, family->backward_workspace_bytes(p));
    return bytes;
}

const char *family_name(int32_t device) {
    const Family *forced = forced_family();
    if (forced != nullptr && can_run(*forced, device)) return forced->name;
    const Family *const *family = kFamilies;
    while (!can_run(**family, device)) ++family;
    return (*family)->name;
}

}  // namespace cce::cuda
