// The command line.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "shape.h"

namespace cce::benchmark {

struct Options {
    std::vector<std::string> sections;   // empty: all
    std::vector<Shape> shapes;           // never empty; the first one gets every section
    std::vector<std::string> workloads;  // never empty; the first one gets every section
    std::vector<std::string> dtypes;     // never empty; the first one gets every section
    std::string head;                    // file of the trained head; empty: none
    std::string family;                  // kernel family of every measurement that names none; empty: libcce's choice
    int rounds = 11;
    uint64_t seed = 0;
    int device = 0;
    std::string json = "gpu-benchmark.json";
    std::string commit = "unknown";
    bool markdown = false;
    bool strict = false;
    bool help = false;

    bool wants(const std::string &section) const;
    // Whether a section is wanted that runs for shapes and workloads.
    bool wants_workloads() const;
};

extern const char *const kUsage;

// Reads the command line. Returns what is wrong with it, or an empty text.
std::string parse(int count, const char *const *arguments, Options *options);

}  // namespace cce::benchmark
