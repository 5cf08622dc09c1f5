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

enum class Gradients {
    kNone,
    kDeclared,  // the problem announces them, nothing computes them
    kComputed,  // of all that is read: E, C and, where there is one, the bias
};

struct Variant {
    std::string family;  // forced; empty: libcce's choice
    Gradients gradients = Gradients::kNone;
    double filter = CCE_FILTER_AUTO;  // for every gradient
    double max_dropped_mass = 0;
    int64_t kept_logits_bytes = 0;
    bool accumulate = false;
    bool float32_gradients = false;  // of E and C, in place of their dtype
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

// Hashes of the gradients' bits.
struct GradientBits {
    uint64_t embeddings;
    uint64_t classifier;
    uint64_t bias;
};

inline bool operator==(const GradientBits &a, const GradientBits &b) {
    return a.embeddings == b.embeddings && a.classifier == b.classifier && a.bias == b.bias;
}

class Head {
public:
    Head(int device, const Operands &operands, const Variant &variant);

    void forward(cudaStream_t stream) const;
    void indexed_dot(cudaStream_t stream) const;
    // After forward, any number of times; for Gradients::kComputed.
    void backward(cudaStream_t stream) const;

    // Forward over poisoned outputs, state and workspace. Waits, and ends the program if libcce reports bad targets.
    Results fresh_results(cudaStream_t stream) const;
    // What the buffers hold now, after whatever filled them. Waits.
    Results results(cudaStream_t stream) const;
    // Forward and backward over poisoned outputs, state and workspace, with a filter report. Waits, and ends the
    // program if libcce reports bad targets.
    void fresh_gradients(cudaStream_t stream) const;
    // Of what the gradients hold now. Waits.
    GradientBits gradient_bits(cudaStream_t stream) const;
    // CCE_REPORT_LENGTH numbers of the last fresh_gradients. Waits.
    std::vector<float> filter_report(cudaStream_t stream) const { return filter_report_.read(stream); }
    // Gradients that are accumulated into get the same small numbers each time.
    void poison(cudaStream_t stream) const;

    // Gradients in the dtype of E and C, or in float32 if the variant asks for that.
    const void *embeddings_gradient() const { return embeddings_gradient_.data(); }
    const void *classifier_gradient() const { return classifier_gradient_.data(); }

    // Device memory beyond what is read, but for loss, lse and the like: state, workspace and gradients.
    int64_t bytes() const {
        return state_.bytes() + workspace_.bytes() + embeddings_gradient_.bytes() + classifier_gradient_.bytes() +
               bias_gradient_.bytes();
    }
    const Operands &operands() const { return operands_; }
    const Variant &variant() const { return variant_; }

private:
    void backward_into(const cce_gradients &gradients, cudaStream_t stream) const;

    cce_problem problem_;
    cce_inputs inputs_;
    cce_outputs outputs_;
    cce_gradients gradients_;
    Operands operands_;
    Variant variant_;
    Buffer<float> loss_;
    Buffer<float> lse_;
    Buffer<float> target_logit_;
    Buffer<int64_t> argmax_;
    Buffer<float> entropy_;
    Buffer<char> embeddings_gradient_;
    Buffer<char> classifier_gradient_;
    Buffer<float> bias_gradient_;
    Buffer<float> filter_report_;
    Buffer<char> state_;
    Buffer<char> workspace_;
};

}  // namespace cce::benchmark
