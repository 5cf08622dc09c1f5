// All that was measured and checked, as tables and as JSON.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "report/json.h"
#include "report/statistics.h"

namespace cce::benchmark {

struct Machine {
    std::string gpu;
    std::string driver;
    std::string cuda;    // runtime
    std::string cublas;
    std::string cce;     // version and kernel family
    std::string commit;
    double copy_bytes_per_second;  // device to device, bytes read and written
};

// What was computed on which data.
struct Label {
    std::string shape;
    std::string workload;
    std::string dtype;

    std::string text() const { return shape + " " + workload + " " + dtype; }
};

// How sparse the softmax of a workload is, at eps = 2^-12 and in units of 128.
struct Sparsity {
    double above_percent;          // entries p >= eps
    double above_per_row;
    double mass_above;             // softmax mass of those, mean over rows
    double live_tiles_percent;     // 128x128 tiles with an entry |p - onehot| >= eps
    double live_segments_percent;  // 128-wide segments of a row with such an entry
};

struct Measurement {
    Label label;
    std::string what;
    Statistics milliseconds;
    double by_g;      // median by that of G in the same rounds; 0 without G
    double flops;     // 0: not counted
    int64_t bytes;    // of memory beyond the inputs: state, workspace, gradients; -1: not ours
};

// ||g - exact|| / ||exact|| of float32 gradients.
struct GradientErrors {
    double embeddings;
    double classifier;
};

// Of gradients with a tail correction m[i] * w[j], m[i] the dropped mass of row i.
struct TailErrors {
    GradientErrors guessed;  // w from E, C and m
    GradientErrors summed;   // w the sums over rows of what the filter drops, which exact gradients alone can tell
};

// What a filter of the softmax's gradient leaves out.
struct FilterError {
    Label label;
    std::string filter;
    GradientErrors plain;
    std::optional<TailErrors> tail;
    double kept_per_row;  // entries
    double dropped_mass;  // softmax mass, mean over rows
};

// A number that must be at most `must`; `aim` is what is hoped for, 0 if nothing better was named.
struct Target {
    std::string what;
    std::string unit;
    double measured;
    double must;
    double aim;

    bool met() const { return measured <= must; }
};

// Passed iff measured <= limit; a NaN fails.
struct Check {
    std::string what;
    double measured;
    double limit;

    bool passed() const { return measured <= limit; }
};

class Report {
public:
    Report(Machine machine, uint64_t seed, int rounds) : machine_(std::move(machine)), seed_(seed), rounds_(rounds) {}

    // All but targets are also told on stderr as they come.
    void add(const Label &label, const Sparsity &sparsity);
    void add(Measurement measurement);
    void add(FilterError error);
    void add(Target target);
    void add(Check check);
    void note(const std::string &text);

    const Machine &machine() const { return machine_; }
    bool all_passed() const;
    bool all_met() const;
    std::string tables(bool markdown) const;
    std::string json() const;

private:
    struct Data {
        Label label;
        Sparsity sparsity;
    };

    Machine machine_;
    uint64_t seed_;
    int rounds_;
    std::vector<Data> data_;
    std::vector<Measurement> measurements_;
    std::vector<FilterError> filter_errors_;
    std::vector<Target> targets_;
    std::vector<Check> checks_;
    std::vector<std::string> notes_;
};

}  // namespace cce::benchmark
