// Which instruction set's kernels serve this process.
#pragma once

#include "cpu/kernels/table.h"

namespace cce::cpu {

// The best family that the processor has, or the one that the environment variable CCE_KERNEL names if the
// processor has it. Decided at the first call.
const KernelTable &kernels();

// The same for one dtype: a family that does not serve it hands it to the next one.
const KernelTable &kernels(int32_t dtype);

}  // namespace cce::cpu
