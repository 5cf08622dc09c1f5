// Device memory that frees itself.
#pragma once

#include <vector>

#include "device/check.h"

namespace cce::benchmark {

template <typename T>
class Buffer {
public:
    Buffer() = default;
    explicit Buffer(int64_t count) : count_(count) {
        check(cudaMalloc(&data_, static_cast<size_t>(bytes())), "allocating device memory");
    }
    explicit Buffer(const std::vector<T> &content) : Buffer(static_cast<int64_t>(content.size())) {
        check(cudaMemcpy(data_, content.data(), static_cast<size_t>(bytes()), cudaMemcpyHostToDevice),
              "copying to the device");
        // The copy may still be on its way, and streams of their own do not wait for the default stream.
        check(cudaStreamSynchronize(nullptr), "waiting for a copy to the device");
    }
    Buffer(Buffer &&other) noexcept : data_(other.data_), count_(other.count_) { other.data_ = nullptr; }
    Buffer &operator=(Buffer &&) = delete;
    ~Buffer() { cudaFree(data_); }

    T *data() const { return data_; }
    int64_t count() const { return count_; }
    int64_t bytes() const { return count_ * static_cast<int64_t>(sizeof(T)); }

    // In the order of `stream`; waits for it.
    std::vector<T> read(cudaStream_t stream) const {
        std::vector<T> content(static_cast<size_t>(count_));
        check(cudaMemcpyAsync(content.data(), data_, static_cast<size_t>(bytes()), cudaMemcpyDeviceToHost, stream),
              "copying from the device");
        check(cudaStreamSynchronize(stream), "waiting for a copy from the device");
        return content;
    }

    // Every byte becomes 0xFF: a NaN, whatever the floating-point type.
    void poison(cudaStream_t stream) const {
        check(cudaMemsetAsync(data_, 0xFF, static_cast<size_t>(bytes()), stream), "poisoning a buffer");
    }

private:
    T *data_ = nullptr;
    int64_t count_ = 0;
};

}  // namespace cce::benchmark
