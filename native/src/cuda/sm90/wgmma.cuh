// The tensor cores' product of a warpgroup: 64 x 192 sums in registers, both operands in swizzled shared memory.
#pragma once

#include <cuda_bf16.h>
#include <cuda_fp16.h>

#include "cuda/sm90/barrier.cuh"
#include "cuda/sm90/tile.cuh"

namespace cce::cuda::sm90 {

constexpr int kProductRows = 64;
constexpr int kProductDepth = 16;
constexpr int kProductSums = kTileClasses / 2;  // a thread, of each of the 64-row products

// How an operand lies in shared memory, always in rows of 128 swizzled bytes.
enum class Lies {
    kAlong,   // a row holds 64 elements of the depth of one line of the product
    kAcross,  // a row holds 64 lines of the product at one element of the depth; blocks of kStep rows follow each other
};

constexpr int kBlockBytes = 64 * kRowBytes;  // of 64 lines by kStep elements, either way

// Describes the lines from `first` on: 1024 bytes from one group of 8 rows to the next.
template <Lies kLies>
__device__ uint64_t operand(const void *first) {
    constexpr uint64_t kGroupStride = 1024 >> 4;
    constexpr uint64_t kBlockStride = kLies == Lies::kAcross ? kBlockBytes >> 4 : 1;
    constexpr uint64_t kSwizzle128 = 1;
    return (shared_address(first) & 0x3FFFF) >> 4 | kBlockStride << 16 | kGroupStride << 32 | kSwizzle128 << 62;
}

// The same lines, `depth` products further on.
template <Lies kLies>
__device__ uint64_t advance(uint64_t operand, int depth) {
    constexpr int kBytes = kProductDepth * (kLies == Lies::kAcross ? kRowBytes : 2);
    return operand + depth * kBytes / 16;
}

__device__ inline void begin_products() { asm volatile("wgmma.fence.sync.aligned;" ::: "memory"); }
__device__ inline void commit_products() { asm volatile("wgmma.commit_group.sync.aligned;" ::: "memory"); }

// Until at most kPending groups that were committed are still under way.
template <int kPending>
__device__ void wait_for_products() {
    asm volatile("wgmma.wait_group.sync.aligned %0;" ::"n"(kPending) : "memory");
}

// sums = a . b^T over 16 elements, plus sums if `add` is not 0. Thread t of the warpgroup gets, for i < 24, of row
// t / 32 * 16 + t % 32 / 4 (and 8 further on) the columns 8 i + 2 (t % 4) and the next: sums[4 i], [4 i + 1] (and
// [4 i + 2], [4 i + 3]).
#define CCE_SUMS_8(i)                                                                                             \
    "+f"(sums[i]), "+f"(sums[i + 1]), "+f"(sums[i + 2]), "+f"(sums[i + 3]), "+f"(sums[i + 4]), "+f"(sums[i + 5]), \
        "+f"(sums[i + 6]), "+f"(sums[i + 7])
#define CCE_PRODUCT(type)                                                                                     \
    template <Lies kA, Lies kB>                                                                               \
    __device__ void product(type, float (&sums)[kProductSums], uint64_t a, uint64_t b, int32_t add) {         \
        asm volatile(                                                                                         \
            "{\n"                                                                                             \
            ".reg .pred add;\n"                                                                               \
            "setp.ne.b32 add, %98, 0;\n"                                                                      \
            "wgmma.mma_async.sync.aligned.m64n192k16.f32." CCE_NAME_OF_##type "." CCE_NAME_OF_##type " {"     \
            CCE_SUM_NAMES "}, %96, %97, add, 1, 1, %99, %100;\n"                                              \
            "}"                                                                                               \
            : CCE_SUMS_8(0), CCE_SUMS_8(8), CCE_SUMS_8(16), CCE_SUMS_8(24), CCE_SUMS_8(32), CCE_SUMS_8(40),   \
              CCE_SUMS_8(48), CCE_SUMS_8(56), CCE_SUMS_8(64), CCE_SUMS_8(72), CCE_SUMS_8(80), CCE_SUMS_8(88)  \
            : "l"(a), "l"(b), "r"(add), "n"(kA == Lies::kAcross), "n"(kB == Lies::kAcross));                  \
    }
#define CCE_NAME_OF___nv_bfloat16 "bf16"
#define CCE_NAME_OF___half "f16"
#define CCE_SUM_NAMES \
    "%0, %1, %2, %3, %4, %5, %6, %7, %8, %9, %10, %11, %12, %13, %14, %15, " \
    "%16, %17, %18, %19, %20, %21, %22, %23, %24, %25, %26, %27, %28, %29, %30, %31, " \
    "%32, %33, %34, %35, %36, %37, %38, %39, %40, %41, %42, %43, %44, %45, %46, %47, " \
    "%48, %49, %50, %51, %52, %53, %54, %55, %56, %57, %58, %59, %60, %61, %62, %63, " \
    "%64, %65, %66, %67, %68, %69, %70, %71, %72, %73, %74, %75, %76, %77, %78, %79, " \
    "%80, %81, %82, %83, %84, %85, %86, %87, %88, %89, %90, %91, %92, %93, %94, %95"

CCE_PRODUCT(__nv_bfloat16)
CCE_PRODUCT(__half)

#undef CCE_SUM_NAMES
#undef CCE_NAME_OF___half
#undef CCE_NAME_OF___nv_bfloat16
#undef CCE_PRODUCT
#undef CCE_SUMS_8

}  // namespace cce::cuda::sm90
