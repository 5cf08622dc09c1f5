// Tokens N, classes V, hidden size D.
#pragma once

#include <cstdint>
#include <string>

namespace cce::benchmark {

struct Shape {
    int64_t tokens;
    int64_t classes;
    int64_t hidden;

    // Operations of one matrix product of this shape.
    double flops() const { return 2.0 * static_cast<double>(tokens) * static_cast<double>(classes) * hidden; }
    std::string text() const {
        return std::to_string(tokens) + "x" + std::to_string(classes) + "x" + std::to_string(hidden);
    }
};

inline bool operator==(const Shape &a, const Shape &b) {
    return a.tokens == b.tokens && a.classes == b.classes && a.hidden == b.hidden;
}

}  // namespace cce::benchmark
