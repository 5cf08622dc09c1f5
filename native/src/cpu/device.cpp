#include "cpu/device.h"

#include <sys/sysinfo.h>
#include <time.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <new>

#include "common/status.h"
#include "cpu/dispatch.h"
#include "cpu/thread_pool.h"

namespace cce::cpu {
namespace {

int64_t total_memory() {
    struct sysinfo info;
    return sysinfo(&info) == 0 ? static_cast<int64_t>(info.totalram) * info.mem_unit : 0;
}

// The text after "key :" in a file of /proc, without the end of line.
bool read_field(const char *path, const char *key, char *value, int capacity) {
    FILE *file = fopen(path, "re");
    if (file == nullptr) return false;
    char line[512];
    bool found = false;
    while (!found && fgets(line, sizeof line, file) != nullptr) {
        const size_t length = strlen(key);
        if (strncmp(line, key, length) != 0) continue;
        const char *colon = line + length + strspn(line + length, " \t");
        if (*colon != ':') continue;
        const char *text = colon + 1 + strspn(colon + 1, " \t");
        snprintf(value, capacity, "%.*s", static_cast<int>(strcspn(text, "\n")), text);
        found = true;
    }
    fclose(file);
    return found;
}

// What an allocation could still get: free memory and the caches that the kernel would give up for it.
int64_t free_memory() {
    char text[64];
    if (read_field("/proc/meminfo", "MemAvailable", text, sizeof text)) return strtoll(text, nullptr, 10) * 1024;
    struct sysinfo info;
    return sysinfo(&info) == 0 ? static_cast<int64_t>(info.freeram) * info.mem_unit : 0;
}

void processor_name(char *name, int capacity) {
    if (read_field("/proc/cpuinfo", "model name", name, capacity)) return;
#if defined(__aarch64__)
    snprintf(name, capacity, "AArch64 processor");
#else
    snprintf(name, capacity, "CPU");
#endif
}

struct Event {
    timespec time;
    bool recorded;
};

}  // namespace

int32_t query(int32_t, cce_device_properties *properties) {
    properties->total_memory = total_memory();
    properties->free_memory = free_memory();
    properties->compute_major = 0;
    properties->compute_minor = 0;
    properties->multiprocessors = cpu_processors();
    properties->driver_version = 0;
    return CCE_OK;
}

int32_t synchronize(int32_t) { return CCE_OK; }

int32_t text(int32_t, int32_t what, char *buffer, int64_t capacity) {
    char name[256];
    const char *answer = name;
    switch (what) {
        case CCE_TEXT_NAME: processor_name(name, sizeof name); break;
        case CCE_TEXT_KERNELS: answer = kernels().name; break;
        case CCE_TEXT_FEATURES: answer = kernels().features; break;
        default: return fail(CCE_ERROR_INVALID_ARGUMENT, "what must be one of CCE_TEXT_*, but is %d", what);
    }
    snprintf(buffer, capacity, "%s", answer);
    return CCE_OK;
}

int32_t allocate(int32_t, int64_t bytes, void *, void **pointer) {
    void *memory = nullptr;
    if (posix_memalign(&memory, kAlignment, bytes > 0 ? bytes : 1) != 0)
        return fail(CCE_ERROR_OUT_OF_MEMORY, "%lld bytes of host memory were asked for, but only %lld are available",
                    static_cast<long long>(bytes), static_cast<long long>(free_memory()));
    *pointer = memory;
    return CCE_OK;
}

int32_t free(int32_t, void *pointer, void *) {
    ::free(pointer);
    return CCE_OK;
}

int32_t copy(int32_t, int32_t, void *to, const void *from, int64_t bytes, void *) {
    if (bytes > 0) memmove(to, from, bytes);
    return CCE_OK;
}

int32_t fill(int32_t, void *pointer, int32_t value, int64_t bytes, void *) {
    if (bytes > 0) memset(pointer, value, bytes);
    return CCE_OK;
}

int32_t check_pointer(int32_t, const void *pointer, int64_t) {
    if (pointer != nullptr) return CCE_OK;
    return fail(CCE_ERROR_INVALID_ARGUMENT, "the pointer is NULL");
}

int32_t stream_create(int32_t, void **stream) {
    *stream = nullptr;
    return CCE_OK;
}

int32_t stream_destroy(int32_t, void *) { return CCE_OK; }
int32_t stream_synchronize(int32_t, void *) { return CCE_OK; }

int32_t event_create(int32_t, void **event) {
    *event = new (std::nothrow) Event{};
    return *event != nullptr ? CCE_OK : fail(CCE_ERROR_OUT_OF_MEMORY, "no host memory is left for an event");
}

int32_t event_destroy(int32_t, void *event) {
    delete static_cast<Event *>(event);
    return CCE_OK;
}

int32_t event_record(int32_t, void *event, void *) {
    auto *e = static_cast<Event *>(event);
    clock_gettime(CLOCK_MONOTONIC, &e->time);
    e->recorded = true;
    return CCE_OK;
}

int32_t event_synchronize(int32_t, void *) { return CCE_OK; }
int32_t event_wait(int32_t, void *, void *) { return CCE_OK; }

int32_t event_elapsed(int32_t, void *start, void *end, float *milliseconds) {
    const auto *a = static_cast<const Event *>(start);
    const auto *b = static_cast<const Event *>(end);
    if (!a->recorded || !b->recorded)
        return fail(CCE_ERROR_INVALID_ARGUMENT, "the %s event was never recorded", a->recorded ? "end" : "start");
    const double seconds = static_cast<double>(b->time.tv_sec - a->time.tv_sec);
    *milliseconds = static_cast<float>(seconds * 1e3 + (b->time.tv_nsec - a->time.tv_nsec) * 1e-6);
    return CCE_OK;
}

}  // namespace cce::cpu
