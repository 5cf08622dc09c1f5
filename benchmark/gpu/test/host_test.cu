// Tests of what needs no GPU: the command line, statistics, JSON, tables, targets and the random number generator.
#include <cmath>
#include <cstdio>
#include <cstring>

#include "options.h"
#include "report/report.h"
#include "report/table.h"
#include "workload/philox.cuh"

using namespace cce::benchmark;

namespace {

int failures = 0;

void expect(bool truth, const char *what) {
    if (truth) return;
    ++failures;
    printf("FAILED: %s\n", what);
}

std::string parse_all(std::vector<const char *> arguments, Options *options) {
    arguments.insert(arguments.begin(), "benchmark");
    return parse(static_cast<int>(arguments.size()), arguments.data(), options);
}

void test_options() {
    Options defaults;
    expect(parse_all({}, &defaults).empty() && defaults.shapes.size() == 4 && defaults.workloads.size() == 2 &&
               defaults.dtypes.size() == 2 && defaults.wants("forward"),
           "no options means everything");
    Options given;
    const std::string error =
        parse_all({"--only", "forward,bits", "--shape", "7x9x11", "--shape", "1x8x1", "--rounds", "3", "--seed",
                   "12345678901", "--workload", "dense", "--strict", "--json", "f"},
                  &given);
    expect(error.empty() && given.wants("bits") && !given.wants("graph") && given.shapes.size() == 2 &&
               given.shapes[0] == Shape{7, 9, 11} && given.rounds == 3 && given.seed == 12345678901 && given.strict &&
               given.workloads.size() == 1 && given.json == "f",
           "options arrive");
    const std::vector<std::vector<const char *>> wrong = {
        {"--shape", "7x9"},   {"--shape", "7x9x11x"}, {"--shape", "0x9x11"}, {"--shape", "7x-9x11"},
        {"--shape", "7x7x7"}, {"--only", "all"},      {"--only", "bits,"},   {"--rounds", "0"},
        {"--rounds", "3x"},   {"--rounds"},           {"--dtype", "fp32"},   {"--seed", "-1"},
        {"--unknown", "1"},   {"word"},               {"--device", ""},      {"--seed", "99999999999999999999"}};
    for (const std::vector<const char *> &arguments : wrong) {
        Options options;
        expect(!parse_all(arguments, &options).empty(), arguments.back());
    }
}

void test_statistics() {
    const Statistics odd = Statistics::of({5, 1, 2});
    expect(odd.median == 2 && odd.min == 1 && odd.spread == 2 && odd.samples[0] == 5, "statistics of an odd number");
    expect(Statistics::of({4, 1, 2, 3}).median == 2.5, "median of an even number");
}

void test_report() {
    Report report({"gpu \"x\"\n", "driver", "13.0", "130000", "0.1.0", "abc", 4e12}, 42, 3);
    const Label label = {"1x8x1", "dense", "bf16"};
    report.add(label, Sparsity{1, 2, 3, 4, NAN});
    report.add(Measurement{label, "forward", Statistics::of({2.0}), 1.25, 4e9, 100});
    report.add(Target{"speed", "G", 1.25, 1.2, 1.1});
    expect(!report.all_met() && report.all_passed(), "a missed target is no failed check");
    report.add(Check{"bits", 0, 0});
    expect(report.all_passed(), "a difference of 0 passes a limit of 0");
    report.add(Check{"lse", NAN, 1});
    expect(!report.all_passed(), "NaN fails a check");

    const std::string json = report.json();
    for (const char *part :
         {"{\"machine\":{\"gpu\":\"gpu \\\"x\\\"\\u000a\",\"driver\":\"driver\",",
          "\"live_row_segments_percent\":null}]",
          "\"samples_ms\":[2],\"by_g\":1.25,\"tflops\":2,\"state_and_workspace_bytes\":100}]", "\"met\":false}]",
          "\"passed\":true},{", "\"notes\":[]}\n"})
        expect(json.find(part) != std::string::npos, part);
    const std::string markdown = report.tables(true);
    for (const char *part :
         {"\n| ---------------- | -", "| 1x8x1 dense bf16 | forward | 2.000 |", "missed |", "FAILED |"})
        expect(markdown.find(part) != std::string::npos, part);
}

// Known answers of the generator's authors.
void test_philox() {
    const Draw zeros = philox(0, 0, 0, 0);
    const uint32_t of_zeros[4] = {0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8};
    expect(memcmp(zeros.word, of_zeros, sizeof of_zeros) == 0, "philox of zeros");
    const Draw digits = philox(0x299f31d0a4093822, 0x03707344, 0x13198a2e, 0x85a308d3243f6a88);
    const uint32_t of_digits[4] = {0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1};
    expect(memcmp(digits.word, of_digits, sizeof of_digits) == 0, "philox of the digits of pi");
}

}  // namespace

int main() {
    test_options();
    test_statistics();
    test_report();
    test_philox();
    printf("%s\n", failures == 0 ? "all passed" : "some failed");
    return failures == 0 ? 0 : 1;
}
