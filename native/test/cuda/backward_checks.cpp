#include "cuda/backward_checks.h"

#include "cuda/backward_run.h"
#include "support/check.h"
#include "support/compare.h"

namespace cce::test {
namespace {

GradientTolerance tolerance_of(const Array &got, int32_t dz_dtype) {
    if (dz_dtype == CCE_F32) return rounded_to(got.dtype);
    const double step = rounded_to(dz_dtype).relative;
    return {step, step / 2, dz_dtype == CCE_BF16};
}

// Rows of E that no counting position reads.
void check_unread(const BackwardCase &c, const Array &gradient) {
    const std::vector<char> read = c.read_tokens();
    const bool adds = c.accumulate & CCE_GRADIENT_EMBEDDINGS;
    for (int64_t i = 0; i < gradient.count; ++i) {
        if (read[i / c.spec.hidden]) continue;
        const double before = adds ? c.before_embeddings.get(i) : 0.0;
        check(gradient.get(i) == before, "dE where no position reads", gradient.get(i), before);
    }
}

void compare_backward(const BackwardCase &c, const BackwardResults &got, const GradientReference &expected,
                      int32_t dz_dtype) {
    if (c.asked & CCE_GRADIENT_EMBEDDINGS) check_unread(c, got.embeddings);
    if (expected.undecided) return;
    if (c.wants_report) compare_report(got.report, expected);
    const auto compare = [&](const char *what, int32_t mask, const Array &gradient, const Gradient &reference,
                             const Array &before) {
        if ((c.asked & mask) == 0) return;
        compare_gradient(what, gradient, reference,
                         c.accumulate & mask ? before.values() : std::vector<double>(),
                         tolerance_of(gradient, dz_dtype));
    };
    compare("dE", CCE_GRADIENT_EMBEDDINGS, got.embeddings, expected.embeddings, c.before_embeddings);
    compare("dC", CCE_GRADIENT_CLASSIFIER, got.classifier, expected.classifier, c.before_classifier);
    compare("db", CCE_GRADIENT_BIAS, got.bias, expected.bias, c.before_bias);
}

}  // namespace

void check_backward(const BackwardCase &c, const BackwardReference &expected, int32_t dz_dtype, bool condenses) {
    const DeviceInputs inputs(c);
    const BackwardResults results = run_backward(c, inputs, DeviceBuffer::kNan, nullptr);
    compare_backward(c, results,
                     c.sweep_in_tf32              ? expected.gradients_in_tf32
                     : condenses && c.condenses() ? expected.condensed
                                                  : expected.gradients,
                     dz_dtype);
    const Stream stream;
    check(same_bits(results, run_backward(c, inputs, DeviceBuffer::kNumber, stream)),
          "the same bits in other memory, on another stream");
}

void check_repeated_backward(const BackwardCase &c) {
    const DeviceInputs inputs(c);
    const Stream one, other;
    const BackwardResults first = run_backward(c, inputs, DeviceBuffer::kNan, one);
    for (int run = 1; run < 10; ++run)
        check(same_bits(first, run_backward(c, inputs, run % 2 ? DeviceBuffer::kNumber : DeviceBuffer::kNan,
                                            run % 3 ? one : other)),
              "the same bits in every run");
}

void check_nothing_recomputed(const BackwardCase &c) {
    DeviceInputs inputs(c);
    const Array whole = run_backward(c, inputs, DeviceBuffer::kNan, nullptr).embeddings;
    DeviceBackward backward(c);
    backward.poison(DeviceBuffer::kNan);
    require_ok(backward.enqueue_state(inputs.view(), nullptr), "filling the state");
    require(cudaDeviceSynchronize(), "waiting for forward");
    BackwardCase without = c;
    for (int64_t i = 0; i < c.embeddings.count; ++i) without.embeddings.set(i, 0);
    inputs.upload(without);
    require_ok(backward.enqueue_gradients(inputs.view(), nullptr), "cce_backward");
    check(same(whole.buffer, backward.results().embeddings.buffer), "dE from kept logits alone");
}

void check_backward_graph(const BackwardCase &c) {
    DeviceInputs inputs(c);
    DeviceBackward backward(c);
    const Stream stream;
    cudaGraph_t graph = nullptr;
    cudaGraphExec_t executable = nullptr;
    require(cudaStreamBeginCapture(stream, cudaStreamCaptureModeGlobal), "beginning a capture");
    require_ok(backward.enqueue_state(inputs.view(), stream), "filling the state in a capture");
    require_ok(backward.enqueue_gradients(inputs.view(), stream), "cce_backward in a capture");
    require(cudaStreamEndCapture(stream, &graph), "ending a capture");
    require(cudaGraphInstantiate(&executable, graph, 0), "instantiating a graph");
    BackwardCase other = c;
    for (int replay = 0; replay < 3; ++replay) {
        inputs.upload(other);
        backward.upload(other);
        backward.poison(replay % 2 ? DeviceBuffer::kNan : DeviceBuffer::kNumber);
        require(cudaGraphLaunch(executable, stream), "launching a graph");
        const BackwardResults results = backward.results();
        check(backward.intact(), "guards after a graph");
        check(same_bits(results, run_backward(other, inputs, DeviceBuffer::kNan, stream)),
              "the same bits from a graph");
        other.fill();
    }
    cudaGraphExecDestroy(executable);
    cudaGraphDestroy(graph);
}

}  // namespace cce::test
