#include "cpu/dispatch.h"

#if defined(__x86_64__)
#include <cpuid.h>
#include <sys/syscall.h>
#include <unistd.h>
#endif

#include <cstdlib>
#include <cstring>

#include "cce.h"

namespace cce::cpu {
namespace {

struct Family {
    const KernelTable &(*table)();
    bool (*available)();
    bool (*serves)(int32_t dtype);
};

bool always() { return true; }
bool all(int32_t) { return true; }

#if defined(__x86_64__)
bool has_avx2() { return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"); }

bool has_avx512() {
    return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
           __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl");
}

// Linux gives a process the tile registers only on request, and not at all if a thread's signal stack is too small.
bool has_amx() {
    constexpr unsigned kBF16 = 1u << 22, kTile = 1u << 24, kVectorBF16 = 1u << 5;
    constexpr int kRequestPermission = 0x1023, kTileData = 18;  // ARCH_REQ_XCOMP_PERM, XFEATURE_XTILEDATA
    unsigned a, b, c, d;
    if (!has_avx512()) return false;
    if (!__get_cpuid_count(7, 0, &a, &b, &c, &d) || (d & kBF16) == 0 || (d & kTile) == 0) return false;
    if (!__get_cpuid_count(7, 1, &a, &b, &c, &d) || (a & kVectorBF16) == 0) return false;
    return syscall(SYS_arch_prctl, kRequestPermission, kTileData) == 0;
}
#endif

// Best first.
const Family kFamilies[] = {
#if defined(__x86_64__)
    {amx_kernels, has_amx, [](int32_t dtype) { return dtype == CCE_BF16; }},
    {avx512_kernels, has_avx512, all},
    {avx2_kernels, has_avx2, all},
#elif defined(__aarch64__)
    {neon_kernels, always, all},
#endif
    {generic_kernels, always, all},
};

const Family *choose() {
    const char *forced = getenv("CCE_KERNEL");
    const Family *best = nullptr;
    for (const Family &family : kFamilies) {
        if (!family.available()) continue;
        if (best == nullptr) best = &family;
        if (forced != nullptr && strcmp(forced, family.table().name) == 0) return &family;
    }
    return best;
}

const Family *chosen() {
    static const Family *const family = choose();
    return family;
}

}  // namespace

const KernelTable &kernels() { return chosen()->table(); }

const KernelTable &kernels(int32_t dtype) {
    const Family *family = chosen();
    while (!family->serves(dtype)) ++family;
    return family->table();
}

}  // namespace cce::cpu
