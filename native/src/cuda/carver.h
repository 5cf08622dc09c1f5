// Hands out aligned parts of a workspace; only counts if there is none.
#pragma once

#include "common/problem.h"

namespace cce::cuda {

class Carver {
public:
    explicit Carver(void *base) : base_(static_cast<char *>(base)) {}

    template <typename T>
    T *take(int64_t count) {
        const int64_t at = bytes_;
        bytes_ += align_up(count * static_cast<int64_t>(sizeof(T)));
        return base_ == nullptr ? nullptr : reinterpret_cast<T *>(base_ + at);
    }

    int64_t bytes() const { return bytes_; }

private:
    char *base_;
    int64_t bytes_ = 0;
};

}  // namespace cce::cuda
