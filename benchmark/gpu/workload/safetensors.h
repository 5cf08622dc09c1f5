// Reads safetensors files: 8 bytes of little-endian length, that many bytes of JSON, and the data of the tensors. Of
// JSON it knows what such headers need; strings with escapes are refused.
#pragma once

#include <cstdint>
#include <fstream>
#include <string>
#include <vector>

namespace cce::benchmark {

struct TensorEntry {
    std::string name;
    std::string dtype;
    std::vector<int64_t> shape;
    int64_t begin;  // of its data, in bytes from the end of the header
    int64_t end;

    std::string text() const;  // dtype and shape
};

// Reads the header of a file with `data_bytes` bytes of data. Returns what is wrong with it, or an empty text.
std::string parse_safetensors_header(const std::string &json, int64_t data_bytes, std::vector<TensorEntry> *tensors);

class SafetensorsFile {
public:
    // Returns what is wrong with the file, or an empty text.
    std::string open(const std::string &path);

    const TensorEntry *find(const std::string &name) const;  // nullptr: there is none
    // The first `bytes` of its data. False if they could not be read.
    bool read(const TensorEntry &tensor, int64_t bytes, void *out);

private:
    std::ifstream file_;
    int64_t data_offset_ = 0;
    std::vector<TensorEntry> tensors_;
};

}  // namespace cce::benchmark
