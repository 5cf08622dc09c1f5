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

// For every shape and workload with the first dtype: the gradients of others may take minutes.
const Section kFirstDtype[] = {
    {"backward", measure_backward},
    {"backward-accuracy", check_backward_accuracy},
    {"backward-bits", check_backward_bits},
    {"filter-error", measure_filter_error},
};

// For the first of all, which every section is run for.
const Section kInFull[] = {
    {"ignored", measure_ignored},
    {"variants", measure_variants},
    {"graph", check_graph},
    {"graph", check_backward_graph},
    {"accuracy", check_plain_loss},
    {"backward-accuracy", check_backward_variants},
};

// A trained head has a shape of its own, the first one where no other workload is wanted.
void run_case(const Options &options, const Cublas &cublas, const Stream &stream, Report &report, const Workload &data,
              const std::string &name, const std::string &dtype, bool first_shape) {
    const bool first_dtype = dtype == options.dtypes[0];
    const bool first_workload = name == options.workloads[0];
    const Label label = {data.shape.text(), name, dtype};
    report.add(label, measure_sparsity(data, cublas, stream));
    const LogitsProduct product(cublas, data.shape, data.dtype, data.embeddings.data(), data.classifier.data());
    const Case c = {options, report, cublas, stream, data, product, label};
    const auto run_wanted = [&](const auto &sections) {
        for (const Section &section : sections)
            if (options.wants(section.name)) section.run(c);
    };
    run_wanted(kEverywhere);
    if (first_shape && options.wants("indexed-dot")) measure_indexed_dot(c);
    if (first_workload && first_dtype && options.wants("families")) measure_families(c);
    if (first_dtype) run_wanted(kFirstDtype);
    if (first_shape && first_workload && first_dtype) run_wanted(kInFull);
}

void run_workloads(const Options &options, const Cublas &cublas, const Stream &stream, Report &report) {
    // Dtypes but the first are for the first shape and workload alone.
    const auto for_each_dtype = [&](const std::string &name, bool first_shape, const auto &make) {
        for (const std::string &dtype : options.dtypes)
            if (dtype == options.dtypes[0] || (first_shape && name == options.workloads[0]))
                run_case(options, cublas, stream, report, make(dtype_of(dtype)), name, dtype, first_shape);
    };
    for (const Shape &shape : options.shapes)
        for (const std::string &name : options.workloads)
            if (name != kTrainedHead)
                for_each_dtype(name, shape == options.shapes[0], [&](Dtype dtype) {
                    return make_workload(name, shape, dtype, options.seed, cublas, stream);
                });
    if (!options.head.empty())
        for_each_dtype(kTrainedHead, options.workloads[0] == kTrainedHead,
                       [&](Dtype dtype) { return read_trained_head(options.head, dtype, stream); });
}

int run(const Options &options) {
    if (options.device >= cce_cuda_device_count()) die("there is no CUDA device %d", options.device);
    check(cudaSetDevice(options.device), "choosing the device");
    const Stream stream;
    const Cublas cublas;
    fprintf(stderr, "seed %llu\n", static_cast<unsigned long long>(options.seed));
    Report report(describe(options, cublas, stream), options.seed, options.rounds);
    if (options.wants_workloads()) run_workloads(options, cublas, stream, report);
    if (options.wants("models")) measure_models(options, cublas, stream, report);

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
