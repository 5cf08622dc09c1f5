#include "workload/safetensors.h"

#include <algorithm>
#include <cstring>

namespace cce::benchmark {
namespace {

constexpr int64_t kLengthBytes = 8;
constexpr int64_t kMaxJsonBytes = 100'000'000;  // the limit of the format's reference implementation

// Bytes of an element, of the types that a head may have; 0 for others.
int64_t element_bytes(const std::string &dtype) {
    if (dtype == "F32" || dtype == "I32") return 4;
    if (dtype == "F64" || dtype == "I64") return 8;
    if (dtype == "F16" || dtype == "BF16") return 2;
    return 0;
}

// Walks over JSON. After a mistake everything fails, and `error` has the first one.
class Scanner {
public:
    explicit Scanner(const std::string &json) : next_(json.data()), begin_(next_), end_(next_ + json.size()) {}

    const std::string &error() const { return error_; }
    bool at_end() {
        skip_spaces();
        return next_ == end_;
    }

    // Takes `c` if it comes next.
    bool take(char c) {
        skip_spaces();
        if (!error_.empty() || next_ == end_ || *next_ != c) return false;
        ++next_;
        return true;
    }
    void want(char c) {
        if (!take(c)) fail(std::string("'") + c + "' is missing");
    }

    std::string string() {
        want('"');
        const char *const start = next_;
        while (error_.empty()) {
            if (next_ == end_) {
                fail("a string does not end");
            } else if (*next_ == '"') {
                return std::string(start, next_++);
            } else if (*next_ == '\\' || static_cast<unsigned char>(*next_) < 0x20) {
                fail("escapes and control characters in strings are not supported");
            } else {
                ++next_;
            }
        }
        return "";
    }

    int64_t number() {
        skip_spaces();
        int64_t value = 0;
        const char *const start = next_;
        for (; error_.empty() && next_ != end_ && *next_ >= '0' && *next_ <= '9'; ++next_)
            if (__builtin_mul_overflow(value, int64_t{10}, &value) ||
                __builtin_add_overflow(value, int64_t{*next_ - '0'}, &value))
                fail("a number is too large");
        const bool leading_zero = next_ - start > 1 && *start == '0';
        if (next_ == start || leading_zero) fail("a whole number is missing");
        return value;
    }

    std::vector<int64_t> numbers() {
        std::vector<int64_t> values;
        want('[');
        if (take(']')) return values;
        do values.push_back(number());
        while (take(','));
        want(']');
        return values;
    }

    // f(key) for each member of an object; f reads the value.
    template <typename F>
    void members(F f) {
        std::vector<std::string> keys;
        want('{');
        if (take('}')) return;
        do {
            keys.push_back(string());
            if (std::count(keys.begin(), keys.end(), keys.back()) > 1) fail("'" + keys.back() + "' comes twice");
            want(':');
            if (error_.empty()) f(keys.back());
        } while (take(','));
        want('}');
    }

    void fail(const std::string &what) {
        if (error_.empty()) error_ = "its header is wrong at byte " + std::to_string(next_ - begin_) + ": " + what;
    }

private:
    void skip_spaces() {
        while (next_ != end_ && strchr(" \t\r\n", *next_) != nullptr && *next_ != '\0') ++next_;
    }

    const char *next_;
    const char *const begin_;
    const char *const end_;
    std::string error_;
};

void read_tensor(Scanner &scanner, TensorEntry *tensor) {
    std::vector<int64_t> offsets;
    scanner.members([&](const std::string &key) {
        if (key == "dtype") {
            tensor->dtype = scanner.string();
        } else if (key == "shape") {
            tensor->shape = scanner.numbers();
        } else if (key == "data_offsets") {
            offsets = scanner.numbers();
        } else {
            scanner.fail("a tensor has no '" + key + "'");
        }
    });
    if (offsets.size() != 2) {
        scanner.fail("tensor '" + tensor->name + "' has no two data_offsets");
    } else {
        tensor->begin = offsets[0];
        tensor->end = offsets[1];
    }
}

// What is wrong with where the tensor's data lies, or an empty text.
std::string misplaced(const TensorEntry &tensor, int64_t data_bytes) {
    int64_t bytes = element_bytes(tensor.dtype);
    if (bytes == 0) return "tensor '" + tensor.name + "': dtype '" + tensor.dtype + "' is not supported";
    for (const int64_t dimension : tensor.shape)
        if (__builtin_mul_overflow(bytes, dimension, &bytes)) return "tensor '" + tensor.name + "' is too large";
    if (tensor.begin > tensor.end || tensor.end - tensor.begin != bytes)
        return "tensor '" + tensor.name + "': " + tensor.text() + " takes " + std::to_string(bytes) +
               " bytes, not what data_offsets says";
    if (tensor.end > data_bytes) return "tensor '" + tensor.name + "' ends behind the end of the file";
    return "";
}

}  // namespace

std::string TensorEntry::text() const {
    std::string list;
    for (const int64_t dimension : shape) list += (list.empty() ? "" : ", ") + std::to_string(dimension);
    return dtype + " (" + list + ")";
}

std::string parse_safetensors_header(const std::string &json, int64_t data_bytes, std::vector<TensorEntry> *tensors) {
    Scanner scanner(json);
    scanner.members([&](const std::string &name) {
        if (name == "__metadata__") {
            scanner.members([&](const std::string &) { scanner.string(); });
            return;
        }
        TensorEntry tensor = {name, "", {}, 0, 0};
        read_tensor(scanner, &tensor);
        tensors->push_back(std::move(tensor));
    });
    if (!scanner.at_end()) scanner.fail("more follows");
    if (!scanner.error().empty()) return scanner.error();
    for (const TensorEntry &tensor : *tensors) {
        const std::string error = misplaced(tensor, data_bytes);
        if (!error.empty()) return error;
    }
    return "";
}

std::string SafetensorsFile::open(const std::string &path) {
    file_.open(path, std::ios::binary | std::ios::ate);
    if (!file_) return "it cannot be read";
    const int64_t file_bytes = file_.tellg();
    unsigned char digits[kLengthBytes] = {};
    file_.seekg(0);
    file_.read(reinterpret_cast<char *>(digits), sizeof digits);
    uint64_t length = 0;
    for (int i = kLengthBytes - 1; i >= 0; --i) length = length << 8 | digits[i];
    if (!file_ || length > kMaxJsonBytes || static_cast<int64_t>(length) > file_bytes - kLengthBytes)
        return "it is no safetensors file, or it is cut off";
    std::string json(length, '\0');
    file_.read(json.data(), static_cast<std::streamsize>(length));
    if (!file_) return "its header cannot be read";
    data_offset_ = kLengthBytes + static_cast<int64_t>(length);
    return parse_safetensors_header(json, file_bytes - data_offset_, &tensors_);
}

const TensorEntry *SafetensorsFile::find(const std::string &name) const {
    for (const TensorEntry &tensor : tensors_)
        if (tensor.name == name) return &tensor;
    return nullptr;
}

bool SafetensorsFile::read(const TensorEntry &tensor, int64_t bytes, void *out) {
    if (bytes > tensor.end - tensor.begin) return false;
    file_.seekg(data_offset_ + tensor.begin);
    file_.read(static_cast<char *>(out), bytes);
    return static_cast<bool>(file_);
}

}  // namespace cce::benchmark
