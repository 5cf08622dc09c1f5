// One workload in one shape and dtype, and what a section needs to measure it.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "device/cublas.h"
#include "device/timing.h"
#include "head/head.h"
#include "options.h"
#include "report/report.h"
#include "workload/workload.h"

namespace cce::benchmark {

struct Case {
    const Options &options;
    Report &report;
    const Cublas &cublas;
    const Stream &stream;
    const Workload &data;
    const LogitsProduct &product;
    Label label;

    Operands operands() const {
        return {data.shape,
                data.dtype,
                data.embeddings.data(),
                data.classifier.data(),
                data.targets.data(),
                data.bias.count() > 0 ? data.bias.data() : nullptr};
    }
    // A variant that names no family gets that of the command line.
    Head head(const Operands &operands, Variant variant = {}) const {
        if (variant.family.empty()) variant.family = options.family;
        return Head(options.device, operands, variant);
    }
    std::string text(const std::string &what) const { return label.text() + ": " + what; }
};

// `head`'s forward as a contender. `share` is the part of the tokens that counts.
Contender forward_of(const Head &head, const std::string &what, double share = 1);

// Lets G and the contenders take turns and reports them; returns the contenders' measurements, in order.
std::vector<Measurement> beside_product(const Case &c, const std::vector<Contender> &contenders);

// lse and target logit of sampled rows against float64, rows with target `ignored` against 0.
void check_accuracy(const Case &c, const std::string &what, const Head &head);

// The sections.
void measure_forward(const Case &c);          // forward alone, with gradients declared, as a CUDA graph; memory
void measure_ignored(const Case &c);          // half of the tokens ignored
void measure_variants(const Case &c);         // what the options cost
void measure_families(const Case &c);         // the kernel families, forced
void measure_indexed_dot(const Case &c);      // the target's logit alone
void check_bits(const Case &c);               // the same bits on every run
void check_graph(const Case &c);              // a captured forward, replayed on changed inputs
void check_plain_loss(const Case &c);         // the loss beside cuda-plain's
void measure_backward(const Case &c);         // forward and backward, backward alone; memory
void check_backward_accuracy(const Case &c);  // gradients beside those of plain float32 code
void check_backward_variants(const Case &c);  // the same with options
void check_backward_bits(const Case &c);      // the same bits of gradients on every run
void check_backward_graph(const Case &c);     // captured forward and backward, replayed on changed inputs
void measure_filter_error(const Case &c);     // what filters of several kinds and thresholds leave out

// The heads of published models.
void measure_models(const Options &options, const Cublas &cublas, const Stream &stream, Report &report);

}  // namespace cce::benchmark
