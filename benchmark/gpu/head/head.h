// A loss through the C ABI: one problem with its buffers, ready to run any number of times.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "cce.h"
#include "device/buffer.h"
#include "device/dtype.h"
#include "shape.h"

namespace cce::benchmark {

// What the head reads; [device] pointers that outlive it.
struct Operands {
    Shape shape;
    Dtype dtype;
    const void *embeddings;
    const void *classifier;
    const int64_t *targets;
    const float *bias = nullptr;
};

struct Variant {
    std::string family;  // forced; empty: libcce's choice
    bool gradients = false;
    bool argmax_and_entropy = false;
    double softcap = 0;
    double temperature = 1;
    double label_smoothing = 0;
};

// What forward wrote.
struct Results {
    std::vector<float> loss;
    std::vector<float> lse;
    std::vector<float> target_logit;
};

// Whether loss and lse agree to the last bit.
bool same_bits(const Results &a, const Results &b);

class Head {
public:
    Head(int device, const Operands &operands, const Variant &variant);

    void forward(cudaStream_t stream) const;
    void indexed_dot(cudaStream_t stream) const;

    // Forward over poisoned outputs, state and workspace. Waits, and ends the program if libcce reports bad targets.
    Results fresh_results(cudaStream_t stream) const;
    // What the buffers hold now, after whatever filled them. Waits.
    Results results(cudaStream_t stream) const;
    void poison(cudaStream_t stream) const;

    int64_t bytes() const { return state_.bytes() + workspace_.bytes(); }
    const Operands &operands() const { return operands_; }
    const Variant &variant() const { return variant_; }

private:
    cce_problem problem_;
    cce_inputs inputs_;
    cce_outputs outputs_;
    Operands operands_;
    Variant variant_;
    Buffer<float> loss_;
    Buffer<float> lse_;
    Buffer<float> target_logit_;
    Buffer<int64_t> argmax_;
    Buffer<float> entropy_;
    Buffer<char> state_;
    Buffer<char> workspace_;
};

}  // namespace cce::benchmark
