// Copies from global to shared memory that complete on an mbarrier.
#pragma once

#include <cuda.h>

#include "cuda/sm90/barrier.cuh"

namespace cce::cuda::sm90 {

// The box of a matrix that begins at (row, column), by the copy engine; what lies outside of the matrix reads as 0.
__device__ inline void copy_box(void *to, const CUtensorMap &map, int32_t row, int32_t column, uint64_t *barrier) {
    asm volatile(
        "cp.async.bulk.tensor.2d.shared::cluster.global.mbarrier::complete_tx::bytes [%0], [%1, {%2, %3}], [%4];" ::"r"(
            shared_address(to)),
        "l"(&map), "r"(column), "r"(row), "r"(shared_address(barrier))
        : "memory");
}

// 16 bytes by this thread, or zeros.
__device__ inline void copy_16(uint32_t to, const void *from, bool exists) {
    asm volatile("cp.async.cg.shared.global.L2::128B [%0], [%1], 16, %2;" ::"r"(to), "l"(from), "r"(exists ? 16 : 0)
                 : "memory");
}

// 4 bytes by this thread, or zeros; and the wait for all of this thread's copies that complete on no barrier.
__device__ inline void copy_4(uint32_t to, const void *from, bool exists) {
    asm volatile("cp.async.ca.shared.global [%0], [%1], 4, %2;" ::"r"(to), "l"(from), "r"(exists ? 4 : 0) : "memory");
}
__device__ inline void wait_for_copies() { asm volatile("cp.async.wait_all;" ::: "memory"); }

// Orders what other threads wrote to shared memory, and this thread has waited for, before reads by wgmma.
__device__ inline void fence_for_wgmma() { asm volatile("fence.proxy.async.shared::cta;" ::: "memory"); }

}  // namespace cce::cuda::sm90
