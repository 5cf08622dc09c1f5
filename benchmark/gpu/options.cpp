#include "options.h"

#include <algorithm>
#include <cerrno>
#include <climits>
#include <cstdlib>
#include <random>

#include "targets.h"
#include "workload/names.h"

namespace cce::benchmark {
namespace {

using Names = std::vector<std::string>;

const char *const kModelsSection = "models";
const Names kSections = {"forward",       "ignored",      "variants", "families", "indexed-dot",
                         "accuracy",      "bits",         "graph",    "backward", "backward-accuracy",
                         "backward-bits", "filter-error", kModelsSection};
const Names kSynthetic = {kGemmaLike, kDense};
const Names kWorkloads = {kGemmaLike, kDense, kTrainedHead};
const Names kDtypes = {"bf16", "fp16"};

std::string joined(const Names &names) {
    std::string text;
    for (const std::string &name : names) text += (text.empty() ? "" : ", ") + name;
    return text;
}

// These append to or set their last argument, and return what is wrong with the text, or an empty one.

std::string parse_names(const std::string &option, const std::string &list, const Names &known, Names *names) {
    for (size_t start = 0; start <= list.size();) {
        const size_t end = std::min(list.find(',', start), list.size());
        const std::string name = list.substr(start, end - start);
        if (std::find(known.begin(), known.end(), name) == known.end())
            return option + ": '" + name + "' is none of " + joined(known);
        names->push_back(name);
        start = end + 1;
    }
    return "";
}

// A whole decimal number in [least, most] at `text`; moves `text` behind it.
bool take_number(const char **text, int64_t least, int64_t most, int64_t *value) {
    if (**text < '0' || **text > '9') return false;
    char *end = nullptr;
    errno = 0;
    *value = strtoll(*text, &end, 10);
    *text = end;
    return errno == 0 && *value >= least && *value <= most;
}

std::string parse_number(const std::string &option, const std::string &text, int64_t least, int64_t most,
                         int64_t *value) {
    const char *rest = text.c_str();
    if (take_number(&rest, least, most, value) && *rest == '\0') return "";
    return option + ": '" + text + "' is no whole number from " + std::to_string(least) + " to " + std::to_string(most);
}

std::string parse_shape(const std::string &option, const std::string &text, std::vector<Shape> *shapes) {
    const char *rest = text.c_str();
    Shape shape = {};
    const bool right = take_number(&rest, 1, INT_MAX, &shape.tokens) && *rest++ == 'x' &&
                       take_number(&rest, 8, INT_MAX, &shape.classes) && *rest++ == 'x' &&
                       take_number(&rest, 1, INT_MAX, &shape.hidden) && *rest == '\0';
    if (!right) return option + ": '" + text + "' is no shape like 8192x256000x2304 with at least 8 classes";
    shapes->push_back(shape);
    return "";
}

}  // namespace

const char *const kUsage =
    "cce_gpu_benchmark [OPTIONS]: time, memory and exactness of libcce on one GPU, beside cuBLAS's logits product G\n"
    "  --only LIST       sections; all. forward, ignored, variants, families, indexed-dot, accuracy, bits, graph,\n"
    "                    backward, backward-accuracy, backward-bits, filter-error, models\n"
    "  --shape NxVxD     tokens, classes, hidden size; repeatable; the table of docs/performance.md\n"
    "  --workload LIST   gemma_like, dense, trained; the first two, and trained where there is a --head. All sections\n"
    "                    run for the first shape, workload and dtype. Others are timed and checked for forward and,\n"
    "                    with the first dtype, for backward. models has shapes of its own and is always gemma_like\n"
    "  --head FILE       what the workload trained is, in its own shape: heldout.safetensors of cce4j train\n"
    "  --dtype LIST      bf16, fp16; both. Every dtype but the first is measured at the first shape alone\n"
    "  --family NAME     kernel family to force (cuda-sm90, cuda-sm80, cuda-plain); libcce's choice\n"
    "  --rounds K        rounds in which the contenders take turns; 11\n"
    "  --seed K          of the data; fresh, and printed\n"
    "  --device K        CUDA device; 0\n"
    "  --json FILE       where the results go; gpu-benchmark.json\n"
    "  --commit TEXT     what the report names as commit\n"
    "  --markdown        print Markdown tables\n"
    "  --strict          exit with 3 if a number misses what it must reach\n"
    "Exit code: 0, or 1 if a check failed, 2 for wrong usage or a failing call.\n";

bool Options::wants(const std::string &section) const {
    return sections.empty() || std::find(sections.begin(), sections.end(), section) != sections.end();
}

bool Options::wants_workloads() const {
    return sections.empty() || std::any_of(sections.begin(), sections.end(),
                                           [](const std::string &section) { return section != kModelsSection; });
}

std::string parse(int count, const char *const *arguments, Options *options) {
    bool seeded = false;
    for (int i = 1; i < count; ++i) {
        const std::string option = arguments[i];
        bool *flag = option == "--markdown" ? &options->markdown
                     : option == "--strict" ? &options->strict
                     : option == "--help"   ? &options->help
                                            : nullptr;
        if (flag != nullptr) {
            *flag = true;
            continue;
        }
        if (++i == count) return option + ": no such option, or its value is missing";
        const std::string value = arguments[i];
        int64_t number = 0;
        std::string error;
        if (option == "--only") {
            error = parse_names(option, value, kSections, &options->sections);
        } else if (option == "--workload") {
            error = parse_names(option, value, kWorkloads, &options->workloads);
        } else if (option == "--dtype") {
            error = parse_names(option, value, kDtypes, &options->dtypes);
        } else if (option == "--shape") {
            error = parse_shape(option, value, &options->shapes);
        } else if (option == "--head") {
            options->head = value;
        } else if (option == "--family") {
            options->family = value;
        } else if (option == "--json") {
            options->json = value;
        } else if (option == "--commit") {
            options->commit = value;
        } else if (option == "--rounds") {
            error = parse_number(option, value, 1, 1000, &number);
            options->rounds = static_cast<int>(number);
        } else if (option == "--device") {
            error = parse_number(option, value, 0, INT_MAX, &number);
            options->device = static_cast<int>(number);
        } else if (option == "--seed") {
            error = parse_number(option, value, 0, INT64_MAX, &number);
            options->seed = static_cast<uint64_t>(number);
            seeded = true;
        } else {
            error = option + ": no such option";
        }
        if (!error.empty()) return error;
    }
    if (!seeded) options->seed = std::random_device{}();
    if (options->shapes.empty())
        for (const ForwardTarget &target : kForwardTargets) options->shapes.push_back(target.shape);
    if (options->workloads.empty()) options->workloads = options->head.empty() ? kSynthetic : kWorkloads;
    const bool trained = std::find(options->workloads.begin(), options->workloads.end(), kTrainedHead) !=
                         options->workloads.end();
    if (trained && options->head.empty()) return "the workload trained needs --head FILE";
    if (!trained && !options->head.empty()) return "--head is of no use without the workload trained";
    if (options->dtypes.empty()) options->dtypes = kDtypes;
    return "";
}

}  // namespace cce::benchmark
