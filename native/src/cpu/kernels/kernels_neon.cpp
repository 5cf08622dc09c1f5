// AArch64: 32 registers of four lanes, so a tile of 6 x 4 vectors.
#define CCE_FAMILY neon
namespace cce::cpu::CCE_FAMILY {
constexpr int kLanes = 4;
constexpr int kVectors = 4;
constexpr int kGroup = 6;
}  // namespace cce::cpu::CCE_FAMILY

#include "cpu/kernels/family.h"

namespace cce::cpu {

const KernelTable &neon_kernels() {
    static constexpr KernelTable table = neon::make_table("neon", "NEON");
    return table;
}

}  // namespace cce::cpu
