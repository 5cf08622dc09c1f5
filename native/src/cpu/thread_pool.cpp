#include "cpu/thread_pool.h"

#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <unistd.h>

#include <atomic>
#include <cstdlib>
#include <new>

#include "common/backend.h"

// Nothing here is destroyed or joined at exit: detached workers sleep on a condition variable that outlives them, so
// neither exit() nor a fork can wait for a thread that is no longer there. The library is linked so that
// dlclose() does not unmap it under sleeping workers (-z nodelete).
namespace cce {
namespace {

constexpr int32_t kMaxThreads = 1024;

int32_t default_threads() {
    if (const char *text = getenv("CCE_NUM_THREADS")) {
        char *end;
        const long threads = strtol(text, &end, 10);
        if (end != text && *end == '\0' && threads >= 1 && threads <= kMaxThreads) return static_cast<int32_t>(threads);
    }
    const int32_t processors = cpu_processors();
    return processors < kMaxThreads ? processors : kMaxThreads;
}

std::atomic<int32_t> chosen_threads{0};

}  // namespace

int32_t cpu_processors() {
    cpu_set_t set;
    if (sched_getaffinity(0, sizeof set, &set) == 0) return CPU_COUNT(&set);
    return static_cast<int32_t>(sysconf(_SC_NPROCESSORS_ONLN));  // more processors than the set can name
}

void cpu_set_threads(int32_t threads) { chosen_threads.store(threads, std::memory_order_relaxed); }

int32_t cpu_threads() {
    const int32_t chosen = chosen_threads.load(std::memory_order_relaxed);
    if (chosen != 0) return chosen;
    static const int32_t unset = default_threads();
    return unset;
}

namespace cpu {
namespace {

using Function = void (*)(const void *context, int64_t index, int32_t member);

// A waiting thread looks this often before it sleeps: some microseconds, the time between two parallel steps of a call.
constexpr int kSpins = 2000;

void relax() {
#if defined(__x86_64__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    asm volatile("yield");
#endif
}

struct Pool {
    pthread_mutex_t owner = PTHREAD_MUTEX_INITIALIZER;    // held by the Team that uses the pool
    pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;    // of the two conditions
    pthread_cond_t work = PTHREAD_COND_INITIALIZER;
    pthread_cond_t done = PTHREAD_COND_INITIALIZER;
    int32_t workers = 0;

    // One parallel step, the `step`-th. Workers up to `wanted` may join it while it is open; a worker that wakes too
    // late is not waited for.
    std::atomic<uint64_t> step{0};
    std::atomic<int32_t> active{0};
    std::atomic<int64_t> next{0};
    bool open = false;
    int32_t wanted = 0;
    int64_t count = 0;
    Function function = nullptr;
    const void *context = nullptr;
};

Pool pool;

void take_tasks(int32_t member) {
    for (;;) {
        const int64_t index = pool.next.fetch_add(1, std::memory_order_relaxed);
        if (index >= pool.count) return;
        pool.function(pool.context, index, member);
    }
}

void *work(void *argument) {
    const int32_t member = static_cast<int32_t>(reinterpret_cast<intptr_t>(argument));
    fesetenv(FE_DFL_ENV);
    uint64_t seen = 0;
    for (;;) {
        for (int i = 0; i < kSpins && pool.step.load(std::memory_order_acquire) == seen; ++i) relax();
        pthread_mutex_lock(&pool.mutex);
        while (pool.step.load(std::memory_order_relaxed) == seen) pthread_cond_wait(&pool.work, &pool.mutex);
        seen = pool.step.load(std::memory_order_relaxed);
        const bool joins = pool.open && member <= pool.wanted;
        if (joins) pool.active.fetch_add(1, std::memory_order_relaxed);
        pthread_mutex_unlock(&pool.mutex);
        if (!joins) continue;
        take_tasks(member);
        pthread_mutex_lock(&pool.mutex);
        if (pool.active.fetch_sub(1, std::memory_order_release) == 1) pthread_cond_signal(&pool.done);
        pthread_mutex_unlock(&pool.mutex);
    }
    return nullptr;
}

// Workers do not survive a fork; the child starts with none.
void reset_in_child() { new (&pool) Pool; }

// Creates workers up to `count`, or as many as the system allows.
void grow(int32_t count) {
    if (pool.workers >= count) return;
    static const int registered = pthread_atfork(nullptr, nullptr, reset_in_child);
    static_cast<void>(registered);
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);  // signals are the application's business
    pthread_attr_t attributes;
    pthread_attr_init(&attributes);
    pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
    while (pool.workers < count) {
        pthread_t thread;
        const intptr_t member = pool.workers + 1;
        if (pthread_create(&thread, &attributes, work, reinterpret_cast<void *>(member)) != 0) break;
        ++pool.workers;
    }
    pthread_attr_destroy(&attributes);
    pthread_sigmask(SIG_SETMASK, &before, nullptr);
}

}  // namespace

Team::Team(int32_t threads) : threads_(1), owns_pool_(threads > 1 && pthread_mutex_trylock(&pool.owner) == 0) {
    fegetenv(&environment_);
    fesetenv(FE_DFL_ENV);
    if (!owns_pool_) return;
    grow(threads - 1);
    threads_ = threads <= pool.workers + 1 ? threads : pool.workers + 1;
}

Team::~Team() {
    if (owns_pool_) pthread_mutex_unlock(&pool.owner);
    fesetenv(&environment_);
}

void Team::run_erased(int64_t count, Function function, const void *context) {
    const int32_t helpers = static_cast<int32_t>(count < threads_ ? count : threads_) - 1;
    if (helpers <= 0) {
        for (int64_t i = 0; i < count; ++i) function(context, i, 0);
        return;
    }
    pthread_mutex_lock(&pool.mutex);
    pool.wanted = helpers;
    pool.count = count;
    pool.function = function;
    pool.context = context;
    pool.next.store(0, std::memory_order_relaxed);
    pool.open = true;
    pool.step.fetch_add(1, std::memory_order_release);
    pthread_cond_broadcast(&pool.work);
    pthread_mutex_unlock(&pool.mutex);
    take_tasks(0);
    for (int i = 0; i < kSpins && pool.active.load(std::memory_order_acquire) != 0; ++i) relax();
    pthread_mutex_lock(&pool.mutex);
    pool.open = false;
    while (pool.active.load(std::memory_order_acquire) != 0) pthread_cond_wait(&pool.done, &pool.mutex);
    pthread_mutex_unlock(&pool.mutex);
}

}  // namespace cpu
}  // namespace cce
