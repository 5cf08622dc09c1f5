// Tests of what needs no GPU: the command line, statistics, JSON, tables, targets, safetensors files, distributions and
// the random number generator.
#include <unistd.h>

#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "dense/distribution.h"
#include "options.h"
#include "report/report.h"
#include "report/table.h"
#include "workload/philox.cuh"
#include "workload/safetensors.h"

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
               defaults.dtypes.size() == 2 && defaults.wants("forward") && defaults.wants_workloads(),
           "no options means everything");
    Options models;
    expect(parse_all({"--only", "models"}, &models).empty() && !models.wants_workloads(), "models need no workload");
    Options trained;
    expect(parse_all({"--head", "f"}, &trained).empty() && trained.workloads.size() == 3 && trained.head == "f",
           "a head is a workload");
    Options trained_alone;
    expect(parse_all({"--head", "f", "--workload", "trained"}, &trained_alone).empty() &&
               trained_alone.workloads.size() == 1,
           "a head may be the only workload");
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
        {"--unknown", "1"},   {"word"},               {"--device", ""},      {"--seed", "99999999999999999999"},
        {"--workload", "trained"}, {"--workload", "dense", "--head", "f"}};
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
    report.add(FilterError{label, "2^-12", {0.25, 0.5}, TailErrors{{0.0625, 2}, {0.03125, 1}}, 3, 0.125});
    report.add(FilterError{label, "tiles", {1, 2}, std::nullopt, 4, 0});
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
          "\"samples_ms\":[2],\"by_g\":1.25,\"tflops\":2,\"bytes_beyond_inputs\":100}]",
          "\"filter\":\"2^-12\",\"embeddings\":0.25,\"classifier\":0.5,\"kept_per_row\":3,\"dropped_mass\":0.125,"
          "\"guessed_tail\":{\"embeddings\":0.0625,\"classifier\":2},"
          "\"summed_tail\":{\"embeddings\":0.03125,\"classifier\":1}},",
          "\"filter\":\"tiles\",\"embeddings\":1,\"classifier\":2,\"kept_per_row\":4,\"dropped_mass\":0}]",
          "\"met\":false}]",
          "\"passed\":true},{", "\"notes\":[]}\n"})
        expect(json.find(part) != std::string::npos, part);
    const std::string markdown = report.tables(true);
    for (const char *part :
         {"\n| ---------------- | -", "| 1x8x1 dense bf16 | forward | 2.000 |",
          "| 1x8x1 dense bf16 | 2^-12  | 0.25000  | 0.50000  | 0.06250  | 2.00000  | "
          "0.03125         | 1.00000         | 3.0        | 0.12500",
          "| tiles  | 1.00000  | 2.00000  |          |          |                 |                 | 4.0        |",
          "missed |", "FAILED |"})
        expect(markdown.find(part) != std::string::npos, part);
}

void test_safetensors_header() {
    std::vector<TensorEntry> tensors;
    const std::string good =
        "{\"__metadata__\":{\"format\":\"pt\"}, \"bias\":{\"dtype\":\"F32\",\"shape\":[3],\"data_offsets\":[0,12]},\n"
        "\"targets\" : {\"data_offsets\":[ 12 , 28 ],\"shape\":[2,1],\"dtype\":\"I64\"},"
        "\"scalar\":{\"dtype\":\"F32\",\"shape\":[],\"data_offsets\":[28,32]}}   ";
    expect(parse_safetensors_header(good, 32, &tensors).empty() && tensors.size() == 3, "a header");
    expect(tensors[0].name == "bias" && tensors[0].dtype == "F32" && tensors[0].shape == std::vector<int64_t>{3} &&
               tensors[0].begin == 0 && tensors[0].end == 12,
           "a tensor of one dimension");
    expect(tensors[1].text() == "I64 (2, 1)" && tensors[1].begin == 12 && tensors[2].shape.empty(), "other tensors");
    expect(!parse_safetensors_header(good, 31, &tensors).empty(), "data that the file has not");

    const char *const wrong[] = {
        "",
        "[]",
        "{",
        "{} x",
        "{\"a\":1}",
        "{\"a\":{}}",
        "{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]}",
        "{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]},}",
        "{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0]}}",
        "{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[4,0]}}",
        "{\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,4]}}",
        "{\"a\":{\"dtype\":\"F32\",\"shape\":[-1],\"data_offsets\":[0,4]}}",
        "{\"a\":{\"dtype\":\"F32\",\"shape\":[01],\"data_offsets\":[0,4]}}",
        "{\"a\":{\"dtype\":\"F32\",\"shape\":[1.0],\"data_offsets\":[0,4]}}",
        "{\"a\":{\"dtype\":\"F32\",\"shape\":[9223372036854775807],\"data_offsets\":[0,4]}}",
        "{\"a\":{\"dtype\":\"F32\",\"shape\":[9223372036854775808],\"data_offsets\":[0,4]}}",
        "{\"a\":{\"dtype\":\"C64\",\"shape\":[1],\"data_offsets\":[0,8]}}",
        "{\"a\":{\"dtype\":\"F32\",\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]}}",
        "{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4],\"more\":1}}",
        "{\"a\\n\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]}}",
    };
    for (const char *header : wrong) {
        tensors.clear();
        expect(!parse_safetensors_header(header, 100, &tensors).empty(), header);
    }
}

void test_safetensors_file() {
    char path[] = "/tmp/cce_gpu_benchmark_host_test.XXXXXX";
    const int descriptor = mkstemp(path);
    const std::string json = "{\"a\":{\"dtype\":\"I32\",\"shape\":[2],\"data_offsets\":[0,8]}}";
    std::string content(1, static_cast<char>(json.size()));
    content += std::string(7, '\0') + json + std::string("\1\0\0\0\2\0\0\0", 8);
    const bool written = write(descriptor, content.data(), content.size()) == static_cast<ssize_t>(content.size());
    SafetensorsFile file;
    int32_t values[2] = {};
    expect(written && file.open(path).empty() && file.find("b") == nullptr && file.find("a") != nullptr &&
               file.read(*file.find("a"), sizeof values, values) && values[0] == 1 && values[1] == 2,
           "a safetensors file");
    expect(!file.read(*file.find("a"), 12, values), "more than a tensor has is not read");

    SafetensorsFile cut_off;
    expect(ftruncate(descriptor, static_cast<off_t>(content.size()) - 1) == 0 && !cut_off.open(path).empty(),
           "a file whose data is cut off");
    SafetensorsFile header_cut_off;
    expect(ftruncate(descriptor, 9) == 0 && !header_cut_off.open(path).empty(), "a file whose header is cut off");
    close(descriptor);
    unlink(path);
    expect(!SafetensorsFile().open(path).empty(), "a file that is not there");
}

void test_distributions() {
    expect(normalized({1, 0, 3}) == std::vector<float>{0.25f, 0, 0.75f}, "weights of sum 1");
    expect(normalized({0, 0}) == std::vector<float>{0, 0}, "weights that are all zero");
    const std::vector<float> p = softmax({1000, 1000 + 2 * std::log(3.0f), -1000}, 2);
    expect(std::fabs(p[0] - 0.25f) < 1e-5f && std::fabs(p[1] - 0.75f) < 1e-5f && p[2] == 0, "a softmax of halves");
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
    test_safetensors_header();
    test_safetensors_file();
    test_distributions();
    test_philox();
    printf("%s\n", failures == 0 ? "all passed" : "some failed");
    return failures == 0 ? 0 : 1;
}
