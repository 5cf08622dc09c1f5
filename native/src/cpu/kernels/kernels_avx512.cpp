// AVX-512: 32 registers, so a tile of 6 x 4 vectors.
#define CCE_FAMILY avx512
namespace cce::cpu::CCE_FAMILY {
constexpr int kLanes = 16;
constexpr int kVectors = 4;
constexpr int kGroup = 6;
}  // namespace cce::cpu::CCE_FAMILY

#include "cpu/kernels/family.h"

namespace cce::cpu {

const KernelTable &avx512_kernels() {
    static constexpr KernelTable table = avx512::make_table("avx512", "AVX-512 F BW DQ VL");
    return table;
}

}  // namespace cce::cpu
