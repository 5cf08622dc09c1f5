// Any processor: four lanes, as the compiler's baseline instruction set has them.
#define CCE_FAMILY generic
namespace cce::cpu::CCE_FAMILY {
constexpr int kLanes = 4;
constexpr int kVectors = 2;
constexpr int kGroup = 6;
}  // namespace cce::cpu::CCE_FAMILY

#include "cpu/kernels/family.h"

namespace cce::cpu {

const KernelTable &generic_kernels() {
    static constexpr KernelTable table = generic::make_table("generic", "baseline");
    return table;
}

}  // namespace cce::cpu
