// The GPU benchmark: libcce beside cuBLAS's logits product on one GPU. See options.cpp for its command line.
#include <cstdio>
#include <fstream>

#include "cce.h"
#include "device/cublas.h"
#include "head/family.h"
#include "options.h"
#include "sections/case.h"
#include "targets.h"

namespace cce::benchmark {
namespace {

std::string version(int number, int unit) {
    return std::to_string(number / unit) + "." + std::to_string(number % unit / 10);
}

// The kernel driver's own version, which the CUDA runtime does not tell.
std::string driver_version() {
    std::ifstream file("/proc/driver/nvidia/version");
    for (std::string word; file >> word;)
        if (word.find_first_not_of("0123456789.") == std::string::npos && word.find('.') != std::string::npos)
            return word;
    return "unknown";
}

Machine describe(const Options &options, const Cublas &cublas, const Stream &stream) {
    cudaDeviceProp properties;
    check(cudaGetDeviceProperties(&properties, options.device), "asking for the device's properties");
    int runtime = 0;
    check(cudaRuntimeGetVersion(&runtime), "asking for the runtime's version");
    const ForcedFamily forced(options.family);
    const int32_t cce = cce_version();
    return {properties.name,
            driver_version(),
            version(runtime, 1000),
            cublas.version(),
            std::to_string(cce / 1000000) + "." + std::to_string(cce / 1000 % 1000) + "." + std::to_string(cce % 1000) +
                " " + family_name(options.device),
            options.commit,
            copy_bytes_per_second(options.rounds, stream)};
}

struct Section {
    const char *name;
    void (*run)(const Case &c);
};

// For every shape and workload.
const Section kEverywhere[] = {
    {"forward", measure_forward},
    {"accuracy", [](const Case &c) { check_accuracy(c, "forward", c.head(c.operands())); }},
    {"bits", check_bits},
};

// For the first of all, which every section is run for.
const Section kInFull[] = {
    {"ignored", measure_ignored},
    {"variants", measure_variants},
    {"graph", check_graph},
    {"accuracy", check_plain_loss},
};

void run_case(const Options &options, const Cublas &cublas, const Stream &stream, Report &report, const Shape &shape,
              const std::string &name, const std::string &dtype) {
    const bool first_shape = shape == options.shapes[0];
    const bool first_of_all = first_shape && name == options.workloads[0] && dtype == options.dtypes[0];
    const Workload data = make_workload(name, shape, dtype_of(dtype), options.seed, cublas, stream);
    const Label label = {shape.text(), name, dtype};
    report.add(label, measure_sparsity(data, cublas, stream));
    const LogitsProduct product(cublas, shape, data.dtype, data.embeddings.data(), data.classifier.data());
    const Case c = {options, report, cublas, stream, data, product, label};
    for (const Section &section : kEverywhere)
        if (options.wants(section.name)) section.run(c);
    if (first_shape && options.wants("indexed-dot")) measure_indexed_dot(c);
    if (name == options.workloads[0] && dtype == options.dtypes[0] && options.wants("families")) measure_families(c);
    if (!first_of_all) return;
    for (const Section &section : kInFull)
        if (options.wants(section.name)) section.run(c);
}

int run(const Options &options) {
    if (options.device >= cce_cuda_device_count()) die("there is no CUDA device %d", options.device);
    check(cudaSetDevice(options.device), "choosing the device");
    const Stream stream;
    const Cublas cublas;
    fprintf(stderr, "seed %llu\n", static_cast<unsigned long long>(options.seed));
    Report report(describe(options, cublas, stream), options.seed, options.rounds);
    for (const Shape &shape : options.shapes)
        for (const std::string &name : options.workloads)
            for (const std::string &dtype : options.dtypes)
                if (dtype == options.dtypes[0] || (shape == options.shapes[0] && name == options.workloads[0]))
                    run_case(options, cublas, stream, report, shape, name, dtype);

    printf("\n%s", report.tables(options.markdown).c_str());
    std::ofstream file(options.json);
    file << report.json();
    file.close();
    if (!file) die("%s could not be written", options.json.c_str());
    if (!report.all_passed()) return 1;
    return options.strict && !report.all_met() ? 3 : 0;
}

}  // namespace
}  // namespace cce::benchmark

int main(int count, char **arguments) {
    cce::benchmark::Options options;
    const std::string error = cce::benchmark::parse(count, arguments, &options);
    if (!error.empty()) {
        fprintf(stderr, "%s\n%s", error.c_str(), cce::benchmark::kUsage);
        return 2;
    }
    if (options.help) {
        fputs(cce::benchmark::kUsage, stdout);
        return 0;
    }
    return cce::benchmark::run(options);
}
