// The library's own small pool of threads. Workers are created when first needed and sleep between calls.
#pragma once

#include <cfenv>
#include <cstdint>

namespace cce {

// Processors that this process may run on.
int32_t cpu_processors();

namespace cpu {

// The threads of one call. Takes the pool for its lifetime if it is free and more than one thread is wanted;
// otherwise the caller's thread works alone. Sets the default floating-point environment meanwhile, so that a
// caller's rounding or flush-to-zero mode cannot make results depend on which thread computed them.
class Team {
public:
    explicit Team(int32_t threads);
    ~Team();
    Team(const Team &) = delete;
    Team &operator=(const Team &) = delete;

    // Calls task(index, member) for every index in [0, count), in any order, with member in [0, threads): the number
    // of the thread that runs it. Returns when all are done.
    template <typename Task>
    void run(int64_t count, const Task &task) {
        run_erased(count, [](const void *context, int64_t index, int32_t member) {
            (*static_cast<const Task *>(context))(index, member);
        }, &task);
    }

private:
    using Function = void (*)(const void *context, int64_t index, int32_t member);
    void run_erased(int64_t count, Function function, const void *context);

    int32_t threads_;
    bool owns_pool_;
    fenv_t environment_;
};

}  // namespace cpu
}  // namespace cce
