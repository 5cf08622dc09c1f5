// Reads a trained head.
#include <algorithm>

#include "workload/safetensors.h"
#include "workload/workload.h"

namespace cce::benchmark {
namespace {

constexpr int64_t kMostTokens = 8192;
constexpr int kThreads = 256;

template <typename T>
__global__ void round_kernel(const float *source, int64_t count, T *rounded) {
    const int64_t i = blockIdx.x * int64_t{kThreads} + threadIdx.x;
    if (i < count) rounded[i] = static_cast<T>(source[i]);
}

class HeadFile {
public:
    explicit HeadFile(const std::string &path) : path_(path) {
        const std::string error = file_.open(path);
        if (!error.empty()) die("%s: %s", path.c_str(), error.c_str());
    }

    bool has(const char *name) const { return file_.find(name) != nullptr; }

    const TensorEntry &tensor(const char *name, size_t dimensions) const {
        const TensorEntry *tensor = file_.find(name);
        if (tensor == nullptr) die("%s: there is no tensor '%s'", path_.c_str(), name);
        if (tensor->shape.size() != dimensions) refuse(*tensor);
        return *tensor;
    }

    // The first `count` elements of a tensor of this shape and type.
    template <typename T>
    std::vector<T> read(const char *name, const char *dtype, const std::vector<int64_t> &shape, int64_t count) {
        const TensorEntry &entry = tensor(name, shape.size());
        if (entry.dtype != dtype || entry.shape != shape) refuse(entry);
        std::vector<T> content(static_cast<size_t>(count));
        if (!file_.read(entry, count * static_cast<int64_t>(sizeof(T)), content.data()))
            die("%s: the data of '%s' cannot be read", path_.c_str(), name);
        return content;
    }

    [[noreturn]] void refuse(const TensorEntry &tensor) const {
        die("%s: '%s' is %s; wanted are embeddings F32 (N, D), classifier F32 (V, D), targets I32 or I64 (N) and "
            "perhaps bias F32 (V), with D a multiple of 8, V at least 8 and N at least 1",
            path_.c_str(), tensor.name.c_str(), tensor.text().c_str());
    }

private:
    std::string path_;
    SafetensorsFile file_;
};

void copy_rounded(Dtype dtype, const std::vector<float> &source, uint16_t *rounded, cudaStream_t stream) {
    const Buffer<float> on_device(source);
    const auto blocks = static_cast<unsigned>((on_device.count() + kThreads - 1) / kThreads);
    with_type(dtype, [&](auto zero) {
        round_kernel<<<blocks, kThreads, 0, stream>>>(on_device.data(), on_device.count(),
                                                      reinterpret_cast<decltype(zero) *>(rounded));
    });
    check(cudaGetLastError(), "rounding a head");
    check(cudaStreamSynchronize(stream), "waiting for the rounding of a head");
}

template <typename T>
void copy(const std::vector<T> &source, const Buffer<T> &destination, cudaStream_t stream) {
    check(cudaMemcpyAsync(destination.data(), source.data(), static_cast<size_t>(destination.bytes()),
                          cudaMemcpyHostToDevice, stream),
          "copying a head");
    check(cudaStreamSynchronize(stream), "waiting for the copy of a head");
}

std::vector<int64_t> read_targets(HeadFile &file, int64_t all, int64_t tokens) {
    if (file.tensor("targets", 1).dtype == "I64") return file.read<int64_t>("targets", "I64", {all}, tokens);
    const std::vector<int32_t> narrow = file.read<int32_t>("targets", "I32", {all}, tokens);
    return {narrow.begin(), narrow.end()};
}

}  // namespace

Workload read_trained_head(const std::string &path, Dtype dtype, const Stream &stream) {
    HeadFile file(path);
    const TensorEntry &embeddings = file.tensor("embeddings", 2);
    const TensorEntry &classifier = file.tensor("classifier", 2);
    const int64_t all_tokens = embeddings.shape[0];
    const Shape shape = {std::min(all_tokens, kMostTokens), classifier.shape[0], embeddings.shape[1]};
    if (shape.tokens < 1 || shape.hidden < 8 || shape.hidden % 8 != 0) file.refuse(embeddings);
    if (shape.classes < 8) file.refuse(classifier);

    Workload w(shape, dtype, file.has("bias"));
    copy_rounded(dtype,
                 file.read<float>("embeddings", "F32", {all_tokens, shape.hidden}, shape.tokens * shape.hidden),
                 w.embeddings.data(), stream);
    copy_rounded(dtype,
                 file.read<float>("classifier", "F32", {shape.classes, shape.hidden}, shape.classes * shape.hidden),
                 w.classifier.data(), stream);
    if (file.has("bias")) copy(file.read<float>("bias", "F32", {shape.classes}, shape.classes), w.bias, stream);
    const std::vector<int64_t> targets = read_targets(file, all_tokens, shape.tokens);
    for (const int64_t target : targets)
        if (target < 0 || target >= shape.classes)
            die("%s: target %lld is no class", path.c_str(), static_cast<long long>(target));
    copy(targets, w.targets, stream);
    return w;
}

}  // namespace cce::benchmark
