#include "cuda/sm90/tensor_map.h"

#include <cuda_runtime.h>

#include <atomic>

#include "common/status.h"
#include "cuda/check.h"
#include "cuda/sm90/tile.cuh"

namespace cce::cuda::sm90 {
namespace {

using Encode = decltype(&cuTensorMapEncodeTiled);

// The driver's function: libcce is not linked to the driver.
int32_t find_encode(Encode *encode) {
    static std::atomic<void *> found{nullptr};
    void *entry = found;
    if (entry == nullptr) {
        constexpr unsigned kSince = 12000;
        cudaDriverEntryPointQueryResult result;
        CCE_TRY(check(cudaGetDriverEntryPointByVersion("cuTensorMapEncodeTiled", &entry, kSince, cudaEnableDefault,
                                                       &result),
                      "looking up cuTensorMapEncodeTiled"));
        if (result != cudaDriverEntryPointSuccess)
            return fail(CCE_ERROR_CUDA, "the NVIDIA driver has no cuTensorMapEncodeTiled: it is older than CUDA 12");
        found = entry;
    }
    *encode = reinterpret_cast<Encode>(entry);
    return CCE_OK;
}

}  // namespace

int32_t describe(const void *matrix, int32_t dtype, int64_t rows, int64_t columns, int64_t pitch,
                 int32_t box_rows, CUtensorMap *map) {
    Encode encode = nullptr;
    CCE_TRY(find_encode(&encode));
    const cuuint64_t shape[] = {static_cast<cuuint64_t>(columns), static_cast<cuuint64_t>(rows)};
    const cuuint64_t pitches[] = {static_cast<cuuint64_t>(pitch) * 2};
    const cuuint32_t box[] = {kStep, static_cast<cuuint32_t>(box_rows)};
    const cuuint32_t strides[] = {1, 1};
    const CUresult result =
        encode(map, dtype == CCE_BF16 ? CU_TENSOR_MAP_DATA_TYPE_BFLOAT16 : CU_TENSOR_MAP_DATA_TYPE_FLOAT16, 2,
               const_cast<void *>(matrix), shape, pitches, box, strides, CU_TENSOR_MAP_INTERLEAVE_NONE,
               CU_TENSOR_MAP_SWIZZLE_128B, CU_TENSOR_MAP_L2_PROMOTION_L2_256B, CU_TENSOR_MAP_FLOAT_OOB_FILL_NONE);
    if (result == CUDA_SUCCESS) return CCE_OK;
    return fail(CCE_ERROR_CUDA, "describing a matrix of %lld x %lld at %p to the copy engine: CUresult %d",
                static_cast<long long>(rows), static_cast<long long>(columns), matrix, static_cast<int>(result));
}

}  // namespace cce::cuda::sm90
