// A random choice of combinations in which every pair of levels of two factors comes together.
#pragma once

#include <cstdint>
#include <vector>

namespace cce::test {

class Covering {
public:
    // The number of levels of each factor.
    explicit Covering(std::vector<int> levels);

    bool complete() const { return open_ == 0; }
    // The next combination: a level of each factor.
    std::vector<int> next();

private:
    int64_t place(int a, int level_a, int b, int level_b) const;
    int64_t new_pairs(const std::vector<int> &combination) const;
    std::vector<int> random_combination() const;

    std::vector<int> levels_;
    int64_t most_levels_ = 0;
    std::vector<char> seen_;
    int64_t open_ = 0;
};

}  // namespace cce::test
