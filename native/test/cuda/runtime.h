// The CUDA runtime as the tests use it: an error ends the program, since nothing after it could be believed.
#pragma once

#include <cuda_runtime.h>

#include <string>

#include "cce.h"

namespace cce::test {

void require(cudaError_t error, const char *doing);
void require_ok(int32_t status, const char *doing);  // of a cce_ function

// Makes CCE_KERNEL the family; false if `device` does not have it.
bool choose_family(int32_t device, const char *family);

class Stream {
public:
    Stream() { require(cudaStreamCreateWithFlags(&stream_, cudaStreamNonBlocking), "creating a stream"); }
    ~Stream() { cudaStreamDestroy(stream_); }
    Stream(const Stream &) = delete;
    Stream &operator=(const Stream &) = delete;
    operator cudaStream_t() const { return stream_; }

private:
    cudaStream_t stream_ = nullptr;
};

}  // namespace cce::test
