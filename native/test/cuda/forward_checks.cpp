#include "cuda/forward_checks.h"

#include <cmath>

#include "cuda/forward_run.h"
#include "support/check.h"
#include "support/random.h"

namespace cce::test {
namespace {

cce_problem with_gradients(const ForwardCase &c) {
    cce_problem problem = c.spec;
    problem.gradients = CCE_GRADIENT_EMBEDDINGS | CCE_GRADIENT_CLASSIFIER | (c.has_bias ? CCE_GRADIENT_BIAS : 0);
    problem.filter_embeddings = problem.filter_classifier = CCE_FILTER_AUTO;
    return problem;
}

std::vector<float> floats(const DeviceBuffer &buffer) {
    std::vector<float> values(buffer.bytes() / sizeof(float));
    buffer.download(values.data());
    return values;
}

Array array(const DeviceBuffer &buffer) {
    Array values;
    values.resize(buffer.bytes() / dtype_bytes(CCE_F32), CCE_F32);
    buffer.download(values.buffer.data());
    return values;
}

// All gradients in float32, one after the other.
std::vector<float> run_backward(const cce_problem &problem, const ForwardCase &c, const DeviceInputs &inputs,
                                const DeviceBuffer &state) {
    DeviceBuffer de(c.embeddings.count * 4), dc(c.classifier.count * 4), db(c.has_bias ? c.bias.count * 4 : 0);
    DeviceBuffer workspace(workspace_bytes(problem, CCE_PASS_BACKWARD));
    const cce_inputs in = inputs.view();
    cce_gradients grad = {};
    grad.struct_size = sizeof grad;
    grad.embeddings = de.data();
    grad.classifier = dc.data();
    grad.bias = c.has_bias ? db.data() : nullptr;
    grad.embeddings_dtype = grad.classifier_dtype = grad.bias_dtype = CCE_F32;
    require_ok(cce_backward(&problem, &in, &grad, state.data(), state.bytes(), workspace.data(), workspace.bytes(),
                            nullptr),
               "cce_backward");
    require(cudaDeviceSynchronize(), "waiting for backward");
    std::vector<float> all;
    for (const DeviceBuffer *gradient : {&de, &dc, &db}) {
        const std::vector<float> values = floats(*gradient);
        all.insert(all.end(), values.begin(), values.end());
    }
    return all;
}

}  // namespace

void check_forward(const ForwardCase &c, const Reference &expected) {
    const DeviceInputs inputs(c);
    const ForwardResults results = run_forward(c.spec, c, inputs, DeviceBuffer::kNan, nullptr);
    compare_forward(c, results, expected);

    const Stream stream;
    check(same_bits(results, run_forward(c.spec, c, inputs, DeviceBuffer::kNumber, stream)),
          "the same bits in other memory, on another stream");
    check(same_bits(results, run_forward(with_gradients(c), c, inputs, DeviceBuffer::kNan, stream)),
          "the same bits with gradients announced");
}

void check_primitives(const ForwardCase &c, const Reference &expected) {
    const DeviceInputs inputs(c);
    cce_inputs in = inputs.view();
    const cce_problem problem = with_gradients(c);
    DeviceBuffer target_logit(c.rows() * 4), lse(c.rows() * 4), state(state_bytes(problem));
    DeviceBuffer workspace(workspace_bytes(problem, CCE_PASS_FORWARD));
    const auto guards = [&](const char *what) {
        require(cudaDeviceSynchronize(), what);
        for (const DeviceBuffer *buffer : {&target_logit, &lse, &state, &workspace}) check(buffer->intact(), what);
        check(inputs.intact(), what);
    };

    require_ok(cce_indexed_dot(&problem, &in, target_logit.data(), workspace.data(), workspace.bytes(), nullptr),
               "cce_indexed_dot");
    guards("guards after indexed_dot");
    compare_logits("indexed_dot", array(target_logit), expected.target_logit, expected);

    workspace.poison(DeviceBuffer::kNumber);
    require_ok(cce_log_sum_exp(&problem, &in, lse.data(), workspace.data(), workspace.bytes(), nullptr),
               "cce_log_sum_exp");
    guards("guards after log_sum_exp");
    compare_logits("log_sum_exp", array(lse), expected.lse, expected);

    workspace.poison(DeviceBuffer::kNan);
    require_ok(cce_make_state(&problem, &in, lse.data(), state.data(), state.bytes(), workspace.data(),
                              workspace.bytes(), nullptr),
               "cce_make_state");
    guards("guards after make_state");
    int64_t valid = -1;
    require_ok(cce_check(&problem, state.data(), state.bytes(), &valid, nullptr), "cce_check of a made state");
    check(valid == c.valid(), "the valid positions of a made state", static_cast<double>(valid),
          static_cast<double>(c.valid()));

    in.targets = nullptr;
    DeviceBuffer every_lse(c.rows() * 4);
    require_ok(cce_log_sum_exp(&problem, &in, every_lse.data(), workspace.data(), workspace.bytes(), nullptr),
               "cce_log_sum_exp without targets");
    guards("guards after log_sum_exp without targets");
    Array values = array(every_lse);
    for (int64_t row = 0; row < c.rows(); ++row) {
        if (!c.ignored(row)) continue;
        check(std::isfinite(values.get(row)), "lse of an ignored position without targets", values.get(row));
        values.set(row, 0);
    }
    compare_logits("lse without targets", values, expected.lse, expected);
}

void check_made_state(const ForwardCase &c) {
    const DeviceInputs inputs(c);
    const cce_problem problem = with_gradients(c);
    ForwardCase with_lse = c;
    with_lse.wanted = Wanted::all();
    DeviceForward forward(problem, with_lse);
    require_ok(forward.enqueue(inputs.view(), nullptr), "cce_forward");
    const ForwardResults results = forward.results();
    const std::vector<float> expected = run_backward(problem, c, inputs, forward.state());

    const cce_inputs in = inputs.view();
    DeviceBuffer lse(c.rows() * 4), state(state_bytes(problem));
    DeviceBuffer workspace(workspace_bytes(problem, CCE_PASS_FORWARD));
    lse.upload(results.lse.buffer.data());
    require_ok(cce_make_state(&problem, &in, lse.data(), state.data(), state.bytes(), workspace.data(),
                              workspace.bytes(), nullptr),
               "cce_make_state");
    const std::vector<float> got = run_backward(problem, c, inputs, state);

    // An entry at the filter's threshold may fall on either side.
    constexpr double kTolerance = 5e-3;
    double difference = 0, norm = 0;
    for (size_t i = 0; i < got.size(); ++i) {
        difference += std::pow(static_cast<double>(got[i]) - expected[i], 2);
        norm += std::pow(expected[i], 2);
    }
    check(std::sqrt(difference) <= kTolerance * std::sqrt(norm), "the gradients after make_state",
          std::sqrt(difference), std::sqrt(norm));
}

void check_repeats(const ForwardCase &c) {
    const DeviceInputs inputs(c);
    const Stream one, other;
    const ForwardResults first = run_forward(c.spec, c, inputs, DeviceBuffer::kNan, one);
    for (int run = 1; run < 10; ++run)
        check(same_bits(first, run_forward(c.spec, c, inputs, run % 2 ? DeviceBuffer::kNumber : DeviceBuffer::kNan,
                                           run % 3 ? one : other)),
              "the same bits in every run");
}

void check_graph(const ForwardCase &c) {
    DeviceInputs inputs(c);
    DeviceForward forward(c.spec, c);
    const Stream stream;
    cudaGraph_t graph = nullptr;
    cudaGraphExec_t executable = nullptr;
    require(cudaStreamBeginCapture(stream, cudaStreamCaptureModeGlobal), "beginning a capture");
    require_ok(forward.enqueue(inputs.view(), stream), "cce_forward in a capture");
    require(cudaStreamEndCapture(stream, &graph), "ending a capture");
    require(cudaGraphInstantiate(&executable, graph, 0), "instantiating a graph");
    ForwardCase other = c;
    for (int replay = 0; replay < 3; ++replay) {
        inputs.upload(other);
        forward.poison(replay % 2 ? DeviceBuffer::kNan : DeviceBuffer::kNumber);
        require(cudaGraphLaunch(executable, stream), "launching a graph");
        const ForwardResults results = forward.results();
        check(forward.intact(), "guards after a graph");
        check(same_bits(results, run_forward(c.spec, other, inputs, DeviceBuffer::kNan, stream)),
              "the same bits from a graph");
        other.fill();
    }
    cudaGraphExecDestroy(executable);
    cudaGraphDestroy(graph);
}

void check_bad_target(const ForwardCase &c) {
    if (c.rows() == 0) return;
    ForwardCase bad = c;
    const int64_t row = whole(0, c.rows() - 1);
    int64_t y;
    do y = one_of<int64_t>({c.spec.classes, -1, -99, 2147483647});
    while (y == c.spec.ignore_index);
    bad.targets[bad.target_of(row)] = y;
    bad.store_targets();
    const Reference expected = compute(bad);
    const DeviceInputs inputs(bad);
    DeviceForward forward(bad.spec, bad);
    require_ok(forward.enqueue(inputs.view(), nullptr), "cce_forward of a bad target");
    ForwardResults results = forward.results();
    check(forward.intact() && inputs.intact(), "guards beside a bad target");
    int64_t valid = -1;
    check(forward.check_state(&valid) == CCE_ERROR_TARGET, "cce_check finds the bad target");
    check(valid == bad.valid(), "the valid positions beside a bad target", static_cast<double>(valid),
          static_cast<double>(bad.valid()));
    char text[512];
    cce_last_error(text, sizeof text);
    const std::string message = text;
    check(message.find("position " + std::to_string(row)) != std::string::npos, "the message names the position");
    check(message.find(std::to_string(y)) != std::string::npos, "the message names the target");
    const int64_t at = c.spec.reduction == CCE_REDUCTION_NONE ? row : 0;
    check(std::isnan(results.loss.get(at)), "the loss of a bad target is NaN", results.loss.get(at));
    results.loss.set(at, expected.loss[at]);
    compare_forward(bad, results, expected);
}

}  // namespace cce::test
