// Hands out aligned parts of one buffer. Over NULL it only counts, so that one function both sizes and lays out.
#pragma once

#include "common/problem.h"

namespace cce::cpu {

class Arena {
public:
    explicit Arena(void *base) : base_(static_cast<char *>(base)) {}

    template <typename T>
    T *take(int64_t count) {
        T *part = base_ != nullptr ? reinterpret_cast<T *>(base_ + bytes_) : nullptr;
        bytes_ += align_up(count * static_cast<int64_t>(sizeof(T)));
        return part;
    }

    int64_t bytes() const { return bytes_; }

private:
    char *base_;
    int64_t bytes_ = 0;
};

}  // namespace cce::cpu
