// Device memory of a test, from cudaMalloc.
#pragma once

#include <cstdint>

namespace cce::test {

class DeviceBuffer {
public:
    // With guards on both sides and poisoned; or exactly as long as its contents and untouched, so that
    // compute-sanitizer sees every access beyond and every read of what nobody wrote.
    static inline bool guarded = true;

    // `misalignment`: bytes by which data() is off from an alignment of 256.
    explicit DeviceBuffer(int64_t bytes, int64_t misalignment = 0);
    ~DeviceBuffer();
    DeviceBuffer(const DeviceBuffer &) = delete;
    DeviceBuffer &operator=(const DeviceBuffer &) = delete;

    // Bytes for poison(): NaN or -1 in every data type, and numbers that are nowhere else.
    static constexpr int kNan = 0xff;
    static constexpr int kNumber = 0x5b;
    // Overwrites contents and guards.
    void poison(int byte);

    // Both are complete when they return; they do not wait for streams.
    void upload(const void *from);
    void download(void *to) const;
    // Whether nothing has touched the guards since the last poison().
    bool intact() const;

    void *data() const { return base_ + guard_ + misalignment_; }
    int64_t bytes() const { return bytes_; }

private:
    int64_t total() const { return 2 * guard_ + misalignment_ + bytes_; }

    int64_t bytes_;
    int64_t misalignment_;
    int64_t guard_;
    int byte_ = kNan;
    char *base_ = nullptr;
};

}  // namespace cce::test
