#include "cuda/dispatch.h"

#include <cstdlib>
#include <cstring>

#include "cuda/plain/family.h"

namespace cce::cuda {
namespace {

// The fastest first. The last one serves every problem.
const Family *const kFamilies[] = {
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

}  // namespace

const Family &family_of(const Problem &p) {
    const Family *forced = forced_family();
    if (forced != nullptr && forced->serves(p)) return *forced;
    const Family *const *family = kFamilies;
    while (!(*family)->serves(p)) ++family;
    return **family;
}

const char *family_name() {
    const Family *forced = forced_family();
    return forced != nullptr ? forced->name : kFamilies[0]->name;
}

}  // namespace cce::cuda
