// The random numbers of a test, all from one generator that a printed seed sets.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <random>

namespace cce::test {

inline std::mt19937_64 generator;

inline int64_t whole(int64_t least, int64_t most) {
    return std::uniform_int_distribution<int64_t>(least, most)(generator);
}
inline double real(double least, double most) {
    return std::uniform_real_distribution<double>(least, most)(generator);
}
inline double normal() { return std::normal_distribution<double>()(generator); }
inline bool chance(double p) { return real(0, 1) < p; }

template <typename T>
T one_of(std::initializer_list<T> values) {
    return values.begin()[whole(0, static_cast<int64_t>(values.size()) - 1)];
}

}  // namespace cce::test
