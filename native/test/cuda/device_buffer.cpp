#include "cuda/device_buffer.h"

#include <algorithm>
#include <vector>

#include "cuda/runtime.h"

namespace cce::test {

DeviceBuffer::DeviceBuffer(int64_t bytes, int64_t misalignment)
    : bytes_(bytes), misalignment_(misalignment), guard_(guarded ? 1024 : 0) {
    require(cudaMalloc(reinterpret_cast<void **>(&base_), std::max<int64_t>(1, total())), "allocating");
    poison(kNan);
}

DeviceBuffer::~DeviceBuffer() { cudaFree(base_); }

void DeviceBuffer::poison(int byte) {
    if (guard_ == 0) return;
    byte_ = byte;
    require(cudaMemset(base_, byte, total()), "poisoning a buffer");
    require(cudaStreamSynchronize(nullptr), "poisoning a buffer");
}

void DeviceBuffer::upload(const void *from) {
    if (bytes_ == 0) return;
    require(cudaMemcpy(data(), from, bytes_, cudaMemcpyHostToDevice), "uploading");
    require(cudaStreamSynchronize(nullptr), "uploading");
}

void DeviceBuffer::download(void *to) const {
    if (bytes_ == 0) return;
    require(cudaMemcpy(to, data(), bytes_, cudaMemcpyDeviceToHost), "downloading");
}

bool DeviceBuffer::intact() const {
    if (guard_ == 0) return true;
    std::vector<unsigned char> memory(total());
    require(cudaMemcpy(memory.data(), base_, total(), cudaMemcpyDeviceToHost), "reading guards");
    const auto untouched = [&](unsigned char value) { return value == byte_; };
    const auto contents = memory.begin() + guard_ + misalignment_;
    return std::all_of(memory.begin(), contents, untouched) &&
           std::all_of(contents + bytes_, memory.end(), untouched);
}

}  // namespace cce::test
