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

// Whether the current device has the shared memory that it takes to list what a filter keeps.
bool device_lists() {
    constexpr int kLeastBytes = 150000;
    int device = 0, bytes = 0;
    require(cudaGetDevice(&device), "asking for the device");
    require(cudaDeviceGetAttribute(&bytes, cudaDevAttrMaxSharedMemoryPerBlockOptin, device),
            "asking for its shared memory");
    return bytes >= kLeastBytes;
}

// What gradients and report must be; NULL if rounding decides which of two.
const GradientReference *reference_of(const BackwardCase &c, const BackwardReference &expected,
                                      const std::string &family) {
    if (c.sweep_in_tf32) return &expected.gradients_in_tf32;
    const GradientReference &filtered = expected.gradients;
    if (family == "cuda-plain" || !c.leaves_lists() || !device_lists()) return &filtered;
    if (filtered.undecided) return nullptr;
    if (filtered.report[CCE_REPORT_EMBEDDINGS_EXACT] + filtered.report[CCE_REPORT_CLASSIFIER_EXACT] > 0)
        return &expected.exact;
    if (expected.kept.most <= c.list_entries()) return &filtered;
    if (expected.kept.least <= c.list_entries()) return nullptr;
    return family == "cuda-sm90" && c.condenses() ? &expected.condensed : &expected.exact;
}

// That the case is what it is there for.
void check_lending(const BackwardCase &c, bool condensed) {
    cce_problem with_scratch = c.spec;
    with_scratch.max_dropped_mass = 0.5;
    check(workspace_bytes(c.spec, CCE_PASS_BACKWARD) < workspace_bytes(with_scratch, CCE_PASS_BACKWARD),
          "dense products have no scratch in the workspace");
    check(condensed, "lists are too short, and few classes are live");
}

}  // namespace

void check_backward(const BackwardCase &c, const BackwardReference &expected, const std::string &family) {
    const DeviceInputs inputs(c);
    const BackwardResults results = run_backward(c, inputs, DeviceBuffer::kNan, nullptr);
    if (c.asked & CCE_GRADIENT_EMBEDDINGS) check_unread(c, results.embeddings);
    const GradientReference *reference = reference_of(c, expected, family);
    if (reference != nullptr && !reference->undecided) {
        compare_backward(c, results, *reference, family == "cuda-plain" ? CCE_F32 : c.spec.dtype);
        const bool filters = c.spec.filter_embeddings != 0 || c.spec.filter_classifier != 0;
        if (family == "cuda-sm90" && filters)
            compare_backward(c, run_backward_without_candidates(c, inputs), *reference, c.spec.dtype);
        // It also says who computed the gradients.
        BackwardCase asking = c;
        asking.wants_report = true;
        if (c.leaves_lists() && !c.wants_report)
            compare_report(run_backward(asking, inputs, DeviceBuffer::kNan, nullptr).report, *reference);
    }
    if (c.candidates && family == "cuda-sm90")
        check(leaves_all_candidates(c, inputs), "forward leaves all candidates");
    if (c.frequent && family == "cuda-sm90")
        check(frequent_classes(c, inputs) > 0, "frequent classes are multiplied");
    if (c.lends && family != "cuda-plain")
        check_lending(c, family != "cuda-sm90" || reference == &expected.condensed);
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
