#include "device/cublas.h"

#include <dlfcn.h>
#include <glob.h>

#include <vector>

namespace cce::benchmark {
namespace {

// Of cuBLAS's ABI, the same from version 11 on, what is called here.
constexpr int kOperationNone = 0;
constexpr int kOperationTranspose = 1;
constexpr int kComputeFloat32 = 68;
constexpr int kDefaultAlgorithm = -1;

struct Functions {
    int (*create)(void **handle);
    int (*destroy)(void *handle);
    int (*set_stream)(void *handle, cudaStream_t stream);
    int (*get_version)(void *handle, int *version);
    const char *(*status_text)(int status);
    int (*gemm)(void *handle, int transpose_a, int transpose_b, int m, int n, int k, const void *alpha, const void *a,
                cudaDataType a_type, int lda, const void *b, cudaDataType b_type, int ldb, const void *beta, void *c,
                cudaDataType c_type, int ldc, int compute_type, int algorithm);
};

std::vector<std::string> files_like(const char *pattern) {
    std::vector<std::string> files;
    glob_t found = {};
    if (glob(pattern, 0, nullptr, &found) == 0) files.assign(found.gl_pathv, found.gl_pathv + found.gl_pathc);
    globfree(&found);
    return files;
}

void *open_library() {
    std::string tried;
    const auto open = [&tried](const std::string &file) {
        void *library = dlopen(file.c_str(), RTLD_NOW | RTLD_LOCAL);
        if (library == nullptr) tried += std::string("\n  ") + dlerror();
        return library;
    };
    for (const char *name : {"libcublas.so.13", "libcublas.so.12", "libcublas.so"})
        if (void *library = open(name)) return library;
    for (const char *folder : {"/usr/local/cuda*/lib64/", "/usr/local/cuda*/targets/*/lib/", "/opt/cuda*/lib64/"}) {
        for (const std::string &file : files_like((std::string(folder) + "libcublas.so.1[23]").c_str())) {
            // cuBLAS needs cuBLASLt, which lies beside it and which the loader may not find.
            std::string other = file;
            other.insert(other.find("libcublas") + 9, "Lt");
            dlopen(other.c_str(), RTLD_NOW | RTLD_GLOBAL);
            if (void *library = open(file)) return library;
        }
    }
    die("cuBLAS was not found. Install it, or name its folder in LD_LIBRARY_PATH. Tried:%s", tried.c_str());
}

template <typename F>
void find(void *library, const char *name, F *function) {
    void *address = dlsym(library, name);
    if (address == nullptr) die("this cuBLAS has no %s: %s", name, dlerror());
    *function = reinterpret_cast<F>(address);
}

Functions load() {
    void *library = open_library();
    Functions f = {};
    find(library, "cublasCreate_v2", &f.create);
    find(library, "cublasDestroy_v2", &f.destroy);
    find(library, "cublasSetStream_v2", &f.set_stream);
    find(library, "cublasGetVersion_v2", &f.get_version);
    find(library, "cublasGetStatusString", &f.status_text);
    find(library, "cublasGemmEx", &f.gemm);
    return f;
}

const Functions &functions() {
    static const Functions loaded = load();
    return loaded;
}

void check_cublas(int status, const char *doing) {
    if (status != 0) die("cuBLAS failed while %s: %s", doing, functions().status_text(status));
}

}  // namespace

Cublas::Cublas() { check_cublas(functions().create(&handle_), "making a handle"); }

Cublas::~Cublas() { functions().destroy(handle_); }

void Cublas::logits(Dtype dtype, int64_t rows, int64_t classes, int64_t hidden, const void *embeddings,
                    const void *classifier, void *logits, cudaDataType type, int64_t pitch, cudaStream_t stream) const {
    const float one = 1.0f;
    const float zero = 0.0f;
    const cudaDataType in = cuda_dtype(dtype);
    const int k = static_cast<int>(hidden);
    check_cublas(functions().set_stream(handle_, stream), "choosing a stream");
    // Column-major for cuBLAS: logits^T (V, N) = C (V, D) E^T (D, N).
    check_cublas(functions().gemm(handle_, kOperationTranspose, kOperationNone, static_cast<int>(classes),
                                  static_cast<int>(rows), k, &one, classifier, in, k, embeddings, in, k, &zero, logits,
                                  type, static_cast<int>(pitch), kComputeFloat32, kDefaultAlgorithm),
                 "multiplying");
}

void Cublas::multiply(int64_t rows, int64_t columns, int64_t depth, const Factor &a, const Factor &b, float beta,
                      float *out, int64_t out_pitch, cudaStream_t stream) const {
    const float one = 1.0f;
    const auto operation = [](const Factor &x) { return x.transpose ? kOperationTranspose : kOperationNone; };
    check_cublas(functions().set_stream(handle_, stream), "choosing a stream");
    // Column-major for cuBLAS: out^T = op(B)^T op(A)^T, where row-major X is X^T as it stands.
    check_cublas(functions().gemm(handle_, operation(b), operation(a), static_cast<int>(columns),
                                  static_cast<int>(rows), static_cast<int>(depth), &one, b.data, CUDA_R_32F,
                                  static_cast<int>(b.pitch), a.data, CUDA_R_32F, static_cast<int>(a.pitch), &beta, out,
                                  CUDA_R_32F, static_cast<int>(out_pitch), kComputeFloat32, kDefaultAlgorithm),
                 "multiplying in float32");
}

std::string Cublas::version() const {
    int version = 0;
    check_cublas(functions().get_version(handle_, &version), "asking for its version");
    return std::to_string(version);
}

}  // namespace cce::benchmark
