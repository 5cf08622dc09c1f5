// Times contenders that take turns: a change of clocks or temperature meets all of them alike.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "device/stream.h"
#include "report/statistics.h"

namespace cce::benchmark {

struct Contender {
    std::string what;
    std::function<void(cudaStream_t)> run;  // puts its work on the stream and does not wait
    double flops = 0;
    int64_t bytes = -1;
};

// Milliseconds by CUDA events, one entry a contender, after two rounds that do not count.
std::vector<Statistics> take_turns(const std::vector<Contender> &contenders, int rounds, const Stream &stream);

// Bytes read and written per second by a device-to-device copy of 2 GB.
double copy_bytes_per_second(int rounds, const Stream &stream);

}  // namespace cce::benchmark
