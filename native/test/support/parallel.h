// A loop over rows on all processors.
#pragma once

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <thread>
#include <vector>

namespace cce::test {

// Calls body(i) for every i in [0, count), in any order and at the same time; here alone if `work` is little.
template <typename Body>
void parallel_for(int64_t count, double work, Body body) {
    constexpr double kWorthThreads = 4e6;
    std::atomic<int64_t> next(0);
    const auto take = [&] {
        for (int64_t i = next++; i < count; i = next++) body(i);
    };
    std::vector<std::thread> threads;
    const int64_t most = work < kWorthThreads ? 1 : std::max(1u, std::thread::hardware_concurrency());
    for (int64_t i = 1; i < std::min(most, count); ++i) threads.emplace_back(take);
    take();
    for (std::thread &thread : threads) thread.join();
}

}  // namespace cce::test
