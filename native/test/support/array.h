// Host memory of a test.
#pragma once

#include <cstdint>
#include <cstring>
#include <vector>

#include "cce.h"
#include "support/dtype.h"

namespace cce::test {

// Memory with guards at both ends, poisoned first.
class Buffer {
public:
    explicit Buffer(int64_t bytes = 0) { resize(bytes); }
    Buffer(const Buffer &other) : Buffer(other.bytes_) { memcpy(data_, other.data_, bytes_); }
    Buffer &operator=(const Buffer &other) {
        if (this == &other) return *this;
        resize(other.bytes_);
        memcpy(data_, other.data_, bytes_);
        return *this;
    }
    Buffer(Buffer &&) = default;
    Buffer &operator=(Buffer &&) = default;

    void resize(int64_t bytes) {
        bytes_ = bytes;
        memory_.resize(bytes + 2 * kGuard + 256);
        data_ = reinterpret_cast<char *>((reinterpret_cast<uintptr_t>(memory_.data()) + kGuard + 255) / 256 * 256);
        memset(data_ - kGuard, kPattern, bytes + 2 * kGuard);
    }
    void *data() { return data_; }
    const void *data() const { return data_; }
    int64_t bytes() const { return bytes_; }
    template <typename T>
    T *as() { return reinterpret_cast<T *>(data_); }
    template <typename T>
    const T *as() const { return reinterpret_cast<const T *>(data_); }
    bool intact() const {
        for (int64_t i = 0; i < kGuard; ++i)
            if (data_[-1 - i] != kPattern || data_[bytes_ + i] != kPattern) return false;
        return true;
    }

private:
    static constexpr int64_t kGuard = 256;
    static constexpr char kPattern = 0x5b;
    std::vector<char> memory_;
    char *data_ = nullptr;
    int64_t bytes_ = 0;
};

inline bool same(const Buffer &x, const Buffer &y) {
    return x.bytes() == y.bytes() && memcmp(x.data(), y.data(), x.bytes()) == 0;
}

// An array of float32, float16 or bfloat16.
struct Array {
    int32_t dtype = CCE_F32;
    int64_t count = 0;
    Buffer buffer;

    void resize(int64_t n, int32_t type) {
        dtype = type;
        count = n;
        buffer.resize(n * dtype_bytes(type));
    }
    double get(int64_t i) const {
        return dtype == CCE_F32 ? buffer.as<float>()[i] : decode(buffer.as<uint16_t>()[i], dtype);
    }
    void set(int64_t i, double value) {
        if (dtype == CCE_F32)
            buffer.as<float>()[i] = static_cast<float>(value);
        else
            buffer.as<uint16_t>()[i] = encode(value, dtype);
    }
    std::vector<double> values() const {
        std::vector<double> v(count);
        for (int64_t i = 0; i < count; ++i) v[i] = get(i);
        return v;
    }
};

}  // namespace cce::test
