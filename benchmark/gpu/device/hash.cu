#include "device/hash.h"

#include "device/buffer.h"
#include "device/reduce.cuh"

namespace cce::benchmark {
namespace {

constexpr int kThreads = 256;
constexpr int kBlocks = 2048;

// The finalizer of splitmix64: a bijection in which every input bit moves about half of the output bits.
__device__ uint64_t mixed(uint64_t x) {
    x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9u;
    x = (x ^ (x >> 27)) * 0x94D049BB133111EBu;
    return x ^ (x >> 31);
}

// The sum of a mixed word for each place and what is there; a sum of integers does not depend on the order.
__global__ void hash_kernel(const uint16_t *data, int64_t count, unsigned long long *sum) {
    unsigned long long own = 0;
    for (int64_t i = blockIdx.x * int64_t{kThreads} + threadIdx.x; i < count; i += int64_t{kThreads} * kBlocks)
        own += mixed(static_cast<uint64_t>(i) << 16 | data[i]);
    own = reduce_block(own, Add{});
    if (threadIdx.x == 0) atomicAdd(sum, own);
}

}  // namespace

uint64_t hash(const void *data, int64_t bytes, cudaStream_t stream) {
    if (bytes == 0) return 0;
    const Buffer<unsigned long long> sum(std::vector<unsigned long long>(1));
    hash_kernel<<<kBlocks, kThreads, 0, stream>>>(static_cast<const uint16_t *>(data), bytes / 2, sum.data());
    check(cudaGetLastError(), "hashing a buffer");
    return sum.read(stream)[0];
}

}  // namespace cce::benchmark
