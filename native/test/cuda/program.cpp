#include "cuda/program.h"

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <random>

#include "cuda/device_buffer.h"

namespace cce::test {
namespace {

std::vector<Target> every_target(int32_t devices) {
    std::vector<Target> targets;
    for (int32_t device = 0; device < devices; ++device)
        for (const char *family : {"cuda-sm90", "cuda-sm80", "cuda-plain"})
            if (choose_family(device, family))
                targets.push_back({device, family});
            else
                printf("cuda:%d has no %s\n", device, family);
    return targets;
}

}  // namespace

std::string describe(const Target &target) { return "cuda:" + std::to_string(target.device) + " " + target.family; }

bool runs_in_tf32(const Target &target, const ForwardCase &c) {
    return target.family != "cuda-plain" && c.tf32_applies();
}

void choose(const Target &target) {
    require(cudaSetDevice(target.device), "choosing a device");
    choose_family(target.device, target.family.c_str());
}

int run_program(int count, char **arguments, const std::vector<std::string> &modes,
                void (*test)(const std::vector<Target> &targets, const Arguments &arguments)) {
    setvbuf(stdout, nullptr, _IOLBF, 0);
    Arguments given;
    int at = 1;
    if (count > at && strncmp(arguments[at], "--", 2) == 0) {
        given.mode = arguments[at++];
        if (std::find(modes.begin(), modes.end(), given.mode) == modes.end()) {
            fprintf(stderr, "unknown option %s\n", given.mode.c_str());
            return 2;
        }
    }
    given.seed = count > at ? strtoull(arguments[at], nullptr, 10) : std::random_device()();
    given.filter = count > at + 1 ? arguments[at + 1] : "";

    const int32_t devices = cce_cuda_device_count();
    if (devices == 0) {
        printf("skipped: no CUDA device\n");
        return kSkipped;
    }
    printf("seed %" PRIu64 "\n", given.seed);
    generator.seed(given.seed);
    DeviceBuffer::guarded = given.mode != "--sanitizer";
    const std::vector<Target> targets = every_target(devices);
    check(!targets.empty(), "a device has a kernel family");
    test(targets, given);
    printf("%" PRId64 " checks, %" PRId64 " failures\n%s\n", checks(), failures(), failures() ? "FAILED" : "passed");
    return failures() == 0 ? 0 : 1;
}

}  // namespace cce::test
