// AVX2 and FMA: 16 registers, so a tile of 6 x 2 vectors.
#define CCE_FAMILY avx2
namespace cce::cpu::CCE_FAMILY {
constexpr int kLanes = 8;
constexpr int kVectors = 2;
constexpr int kGroup = 6;
}  // namespace cce::cpu::CCE_FAMILY

#include "cpu/kernels/family.h"

namespace cce::cpu {

const KernelTable &avx2_kernels() {
    static constexpr KernelTable table = avx2::make_table("avx2", "AVX2 FMA F16C");
    return table;
}

}  // namespace cce::cpu
