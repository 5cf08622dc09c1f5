#include "cuda/memory.h"

#include <cudaTypedefs.h>

#include <mutex>
#include <vector>

#include "common/backend.h"
#include "cuda/check.h"
#include "cuda/device.h"

namespace cce::cuda {
namespace {

// Freed memory that a pool keeps for the next allocation. Little, since other frameworks use the same GPU.
constexpr uint64_t kPoolKeepsBytes = uint64_t{64} << 20;

int32_t create_pool(int32_t device, cudaMemPool_t *pool) {
    cudaMemPoolProps properties = {};
    properties.allocType = cudaMemAllocationTypePinned;
    properties.location.type = cudaMemLocationTypeDevice;
    properties.location.id = device;
    cudaMemPool_t created;
    CCE_TRY(check(cudaMemPoolCreate(&created, &properties), "creating a memory pool"));
    uint64_t keeps = kPoolKeepsBytes;
    const int32_t status = check(cudaMemPoolSetAttribute(created, cudaMemPoolAttrReleaseThreshold, &keeps),
                                 "setting up a memory pool");
    if (status == CCE_OK)
        *pool = created;
    else
        cudaMemPoolDestroy(created);
    return status;
}

// The pool of the library on `device`, created at first use. Pools live as long as the process.
int32_t pool_of(int32_t device, cudaMemPool_t *pool) {
    static std::mutex mutex;
    static auto *pools = new std::vector<cudaMemPool_t>(cuda_device_count(), nullptr);
    const std::lock_guard<std::mutex> lock(mutex);
    cudaMemPool_t &known = (*pools)[device];
    if (known == nullptr) CCE_TRY(create_pool(device, &known));
    *pool = known;
    return CCE_OK;
}

// The allocation that `pointer` lies in.
int32_t address_range(const char *pointer, const char **base, int64_t *bytes) {
    void *entry = nullptr;
    cudaDriverEntryPointQueryResult found;
    CCE_TRY(check(cudaGetDriverEntryPointByVersion("cuMemGetAddressRange", &entry, 12000, cudaEnableDefault, &found),
                  "looking up a function of the driver"));
    if (found != cudaDriverEntryPointSuccess)
        return fail(CCE_ERROR_CUDA, "the CUDA driver has no cuMemGetAddressRange");
    CUdeviceptr start;
    size_t size;
    const CUresult result =
        reinterpret_cast<PFN_cuMemGetAddressRange_v3020>(entry)(&start, &size, reinterpret_cast<CUdeviceptr>(pointer));
    if (result != CUDA_SUCCESS)
        return fail(CCE_ERROR_INVALID_ARGUMENT, "%p is not in an allocation of CUDA device memory",
                    static_cast<const void *>(pointer));
    *base = reinterpret_cast<const char *>(start);
    *bytes = static_cast<int64_t>(size);
    return CCE_OK;
}

}  // namespace

int32_t allocate(int32_t device, int64_t bytes, void *stream, void **pointer) {
    const DeviceGuard guard(device);
    CCE_TRY(guard.status());
    cudaMemPool_t pool;
    CCE_TRY(pool_of(device, &pool));
    const size_t size = bytes > 0 ? static_cast<size_t>(bytes) : 1;
    const cudaError_t error = cudaMallocFromPoolAsync(pointer, size, pool, static_cast<cudaStream_t>(stream));
    if (error != cudaErrorMemoryAllocation) return check(error, "allocating device memory");
    cudaGetLastError();
    size_t free_bytes;
    size_t total_bytes;
    CCE_TRY(check(cudaMemGetInfo(&free_bytes, &total_bytes), "asking for the free memory"));
    return fail(CCE_ERROR_OUT_OF_MEMORY, "CUDA device %d is out of memory: asked for %lld bytes, free are %lld of %lld",
                device, static_cast<long long>(bytes), static_cast<long long>(free_bytes),
                static_cast<long long>(total_bytes));
}

int32_t free(int32_t device, void *pointer, void *stream) {
    if (pointer == nullptr) return CCE_OK;
    const DeviceGuard guard(device);
    CCE_TRY(guard.status());
    return check(cudaFreeAsync(pointer, static_cast<cudaStream_t>(stream)), "freeing device memory");
}

int32_t copy(int32_t device, int32_t direction, void *to, const void *from, int64_t bytes, void *stream) {
    if (bytes == 0) return CCE_OK;
    const DeviceGuard guard(device);
    CCE_TRY(guard.status());
    const auto queue = static_cast<cudaStream_t>(stream);
    const cudaMemcpyKind kind = direction == CCE_COPY_HOST_TO_DEVICE   ? cudaMemcpyHostToDevice
                                : direction == CCE_COPY_DEVICE_TO_HOST ? cudaMemcpyDeviceToHost
                                                                       : cudaMemcpyDeviceToDevice;
    CCE_TRY(check(cudaMemcpyAsync(to, from, static_cast<size_t>(bytes), kind, queue), "copying"));
    if (kind == cudaMemcpyDeviceToDevice) return CCE_OK;
    return check(cudaStreamSynchronize(queue), "waiting for a copy");
}

int32_t fill(int32_t device, void *pointer, int32_t value, int64_t bytes, void *stream) {
    if (bytes == 0) return CCE_OK;
    const DeviceGuard guard(device);
    CCE_TRY(guard.status());
    return check(cudaMemsetAsync(pointer, value & 0xFF, static_cast<size_t>(bytes), static_cast<cudaStream_t>(stream)),
                 "filling device memory");
}

int32_t check_pointer(int32_t device, const void *pointer, int64_t bytes) {
    if (pointer == nullptr) return fail(CCE_ERROR_INVALID_ARGUMENT, "the pointer is NULL");
    if (bytes == 0) return CCE_OK;
    const DeviceGuard guard(device);
    CCE_TRY(guard.status());
    cudaPointerAttributes attributes;
    CCE_TRY(check(cudaPointerGetAttributes(&attributes, pointer), "asking what a pointer is"));
    switch (attributes.type) {
        case cudaMemoryTypeManaged: return CCE_OK;
        case cudaMemoryTypeDevice: break;
        case cudaMemoryTypeHost:
            return fail(CCE_ERROR_INVALID_ARGUMENT, "%p is page-locked host memory, not memory of CUDA device %d",
                        pointer, device);
        default:
            return fail(CCE_ERROR_INVALID_ARGUMENT,
                        "%p is host memory or was freed: CUDA does not know it as memory of device %d", pointer,
                        device);
    }
    if (attributes.device != device)
        return fail(CCE_ERROR_INVALID_ARGUMENT, "%p is memory of CUDA device %d, not of device %d", pointer,
                    attributes.device, device);
    // One buffer can span several allocations where an allocator maps them side by side.
    const auto *begin = static_cast<const char *>(pointer);
    for (const char *at = begin; at < begin + bytes;) {
        const char *base;
        int64_t size;
        if (address_range(at, &base, &size) != CCE_OK)
            return fail(CCE_ERROR_INVALID_ARGUMENT, "only %lld bytes of device memory follow %p, but %lld are needed",
                        static_cast<long long>(at - begin), pointer, static_cast<long long>(bytes));
        at = base + size;
    }
    return CCE_OK;
}

}  // namespace cce::cuda
