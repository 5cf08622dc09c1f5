#include "device/timing.h"

#include "device/buffer.h"

namespace cce::benchmark {
namespace {

constexpr int kWarmups = 2;

class Event {
public:
    Event() { check(cudaEventCreate(&event_), "creating an event"); }
    Event(Event &&other) noexcept : event_(other.event_) { other.event_ = nullptr; }
    ~Event() {
        if (event_ != nullptr) cudaEventDestroy(event_);
    }

    void record(cudaStream_t stream) const { check(cudaEventRecord(event_, stream), "recording an event"); }
    double milliseconds_since(const Event &start) const {
        float elapsed = 0;
        check(cudaEventElapsedTime(&elapsed, start.event_, event_), "reading the time between two events");
        return elapsed;
    }

private:
    cudaEvent_t event_ = nullptr;
};

struct Turn {
    Event start;
    Event end;
};

}  // namespace

std::vector<Statistics> take_turns(const std::vector<Contender> &contenders, int rounds, const Stream &stream) {
    for (int round = 0; round < kWarmups; ++round)
        for (const Contender &contender : contenders) contender.run(stream);
    stream.synchronize();

    std::vector<Turn> turns(contenders.size() * static_cast<size_t>(rounds));
    size_t next = 0;
    for (int round = 0; round < rounds; ++round) {
        for (const Contender &contender : contenders) {
            const Turn &turn = turns[next++];
            turn.start.record(stream);
            contender.run(stream);
            turn.end.record(stream);
        }
    }
    stream.synchronize();

    std::vector<Statistics> results;
    for (size_t i = 0; i < contenders.size(); ++i) {
        std::vector<double> samples;
        for (size_t turn = i; turn < turns.size(); turn += contenders.size())
            samples.push_back(turns[turn].end.milliseconds_since(turns[turn].start));
        results.push_back(Statistics::of(std::move(samples)));
    }
    return results;
}

double copy_bytes_per_second(int rounds, const Stream &stream) {
    const Buffer<char> source(int64_t{2000000000});
    const Buffer<char> destination(source.count());
    source.poison(stream);
    const Contender copy = {"copy", [&](cudaStream_t on) {
        check(cudaMemcpyAsync(destination.data(), source.data(), static_cast<size_t>(source.bytes()),
                              cudaMemcpyDeviceToDevice, on),
              "copying on the device");
    }};
    return 2.0 * static_cast<double>(source.bytes()) / (take_turns({copy}, rounds, stream)[0].median * 1e-3);
}

}  // namespace cce::benchmark
