#include "cuda/check.h"

namespace cce::cuda {
namespace {

int32_t status_of(cudaError_t error) {
    switch (error) {
        case cudaErrorMemoryAllocation: return CCE_ERROR_OUT_OF_MEMORY;
        case cudaErrorNoDevice:
        case cudaErrorInvalidDevice:
        case cudaErrorInsufficientDriver: return CCE_ERROR_NO_DEVICE;
        default: return CCE_ERROR_CUDA;
    }
}

}  // namespace

int32_t check(cudaError_t error, const char *doing) {
    if (error == cudaSuccess) return CCE_OK;
    cudaGetLastError();
    return fail(status_of(error), "CUDA failed while %s: %s (%s)", doing, cudaGetErrorString(error),
                cudaGetErrorName(error));
}

}  // namespace cce::cuda
