#include "support/covering.h"

#include <algorithm>

#include "support/random.h"

namespace cce::test {

Covering::Covering(std::vector<int> levels) : levels_(std::move(levels)) {
    const int factors = static_cast<int>(levels_.size());
    most_levels_ = *std::max_element(levels_.begin(), levels_.end());
    seen_.assign(factors * factors * most_levels_ * most_levels_, 0);
    for (int a = 0; a < factors; ++a)
        for (int b = a + 1; b < factors; ++b) open_ += levels_[a] * levels_[b];
}

std::vector<int> Covering::next() {
    constexpr int kCandidates = 40;
    const int factors = static_cast<int>(levels_.size());
    // A pair that is still open goes into every candidate, so that the covering comes to its end.
    int first = 0, level_first = 0, second = 0, level_second = 0;
    int64_t skip = open_ > 0 ? whole(0, open_ - 1) : -1;
    for (int a = 0; a < factors && skip >= 0; ++a)
        for (int b = a + 1; b < factors && skip >= 0; ++b)
            for (int i = 0; i < levels_[a] && skip >= 0; ++i)
                for (int j = 0; j < levels_[b] && skip >= 0; ++j)
                    if (!seen_[place(a, i, b, j)] && skip-- == 0) {
                        first = a, level_first = i, second = b, level_second = j;
                    }
    std::vector<int> best;
    int64_t most = -1;
    for (int k = 0; k < kCandidates; ++k) {
        std::vector<int> candidate = random_combination();
        if (open_ > 0) {
            candidate[first] = level_first;
            candidate[second] = level_second;
        }
        const int64_t pairs = new_pairs(candidate);
        if (pairs > most) {
            most = pairs;
            best = std::move(candidate);
        }
    }
    for (int a = 0; a < factors; ++a)
        for (int b = a + 1; b < factors; ++b) seen_[place(a, best[a], b, best[b])] = 1;
    open_ -= most;
    return best;
}

int64_t Covering::place(int a, int level_a, int b, int level_b) const {
    return ((a * static_cast<int64_t>(levels_.size()) + b) * most_levels_ + level_a) * most_levels_ + level_b;
}

int64_t Covering::new_pairs(const std::vector<int> &combination) const {
    const int factors = static_cast<int>(combination.size());
    int64_t pairs = 0;
    for (int a = 0; a < factors; ++a)
        for (int b = a + 1; b < factors; ++b) pairs += !seen_[place(a, combination[a], b, combination[b])];
    return pairs;
}

std::vector<int> Covering::random_combination() const {
    std::vector<int> combination;
    for (int count : levels_) combination.push_back(static_cast<int>(whole(0, count - 1)));
    return combination;
}

}  // namespace cce::test
