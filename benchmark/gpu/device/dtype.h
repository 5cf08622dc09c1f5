// The 16-bit types, by the name that libcce, cuBLAS and a reader know them by.
#pragma once

#include <cuda_bf16.h>
#include <cuda_fp16.h>
#include <library_types.h>

#include <string>

#include "cce.h"

namespace cce::benchmark {

enum class Dtype { kBf16, kFp16 };

inline Dtype dtype_of(const std::string &name) { return name == "bf16" ? Dtype::kBf16 : Dtype::kFp16; }
inline int32_t cce_dtype(Dtype dtype) { return dtype == Dtype::kBf16 ? CCE_BF16 : CCE_F16; }
inline cudaDataType cuda_dtype(Dtype dtype) { return dtype == Dtype::kBf16 ? CUDA_R_16BF : CUDA_R_16F; }

// Calls f with a value of the element type.
template <typename F>
void with_type(Dtype dtype, F f) {
    if (dtype == Dtype::kBf16) {
        f(__nv_bfloat16());
    } else {
        f(__half());
    }
}

}  // namespace cce::benchmark
