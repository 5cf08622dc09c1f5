#include "head/graph.h"
#include "sections/case.h"

namespace cce::benchmark {
namespace {

constexpr int64_t kReplays = 10;

void copy(void *destination, const void *source, int64_t bytes, cudaStream_t stream) {
    check(cudaMemcpyAsync(destination, source, static_cast<size_t>(bytes), cudaMemcpyDefault, stream),
          "changing the inputs of a graph");
}

// Inputs of a graph, changed in place.
class ChangingInputs {
public:
    explicit ChangingInputs(const Case &c)
        : case_(c), targets_(c.data.targets.read(c.stream)),
          embeddings_(c.data.shape.tokens * c.data.shape.hidden), device_targets_(c.data.shape.tokens) {}

    Operands operands() const {
        Operands operands = case_.operands();
        operands.embeddings = embeddings_.data();
        operands.targets = device_targets_.data();
        return operands;
    }

    // For replay k: the rows of E and their targets moved on, and another number of ignored targets.
    void change(int64_t k) const {
        const int64_t tokens = case_.data.shape.tokens;
        const int64_t hidden = case_.data.shape.hidden;
        const int64_t moved = k * tokens / (kReplays + 3);
        const int64_t rest = tokens - moved;
        const int64_t row_bytes = hidden * static_cast<int64_t>(sizeof(uint16_t));
        const uint16_t *const source = case_.data.embeddings.data();
        copy(embeddings_.data(), source + moved * hidden, rest * row_bytes, case_.stream);
        copy(embeddings_.data() + rest * hidden, source, moved * row_bytes, case_.stream);
        std::vector<int64_t> changed(targets_.begin() + moved, targets_.end());
        changed.insert(changed.end(), targets_.begin(), targets_.begin() + moved);
        const uint64_t seed = case_.options.seed + static_cast<uint64_t>(k);
        for (const int64_t row : choose(k * tokens / kReplays, tokens, seed)) changed[static_cast<size_t>(row)] = -100;
        copy(device_targets_.data(), changed.data(), device_targets_.bytes(), case_.stream);
        case_.stream.synchronize();
    }

private:
    const Case &case_;
    std::vector<int64_t> targets_;
    Buffer<uint16_t> embeddings_;
    Buffer<int64_t> device_targets_;
};

void check_gradients(const Case &c, const std::string &what, Variant variant) {
    variant.gradients = Gradients::kComputed;
    const ChangingInputs inputs(c);
    const Head captured = c.head(inputs.operands(), variant);
    const Head direct = c.head(inputs.operands(), variant);
    inputs.change(0);
    captured.fresh_gradients(c.stream);
    const Graph graph(
        [&](cudaStream_t stream) {
            captured.forward(stream);
            captured.backward(stream);
        },
        c.stream);
    int different = 0;
    for (int64_t k = 0; k < kReplays; ++k) {
        inputs.change(k);
        captured.poison(c.stream);
        graph.replay(c.stream);
        direct.fresh_gradients(c.stream);
        different += !(captured.gradient_bits(c.stream) == direct.gradient_bits(c.stream));
    }
    c.report.add(Check{c.text("of ten graph replays of forward and backward, " + what +
                              ", other gradients than the direct calls"),
                       static_cast<double>(different), 0});
}

}  // namespace

void check_graph(const Case &c) {
    const ChangingInputs inputs(c);
    const Head captured = c.head(inputs.operands());
    const Head direct = c.head(inputs.operands());
    inputs.change(0);
    captured.fresh_results(c.stream);
    const Graph graph([&](cudaStream_t stream) { captured.forward(stream); }, c.stream);
    int different = 0;
    for (int64_t k = 0; k < kReplays; ++k) {
        inputs.change(k);
        captured.poison(c.stream);
        graph.replay(c.stream);
        different += !same_bits(captured.results(c.stream), direct.fresh_results(c.stream));
    }
    c.report.add(Check{c.text("of ten graph replays on changed inputs, other bits than the direct call"),
                       static_cast<double>(different), 0});
}

void check_backward_graph(const Case &c) {
    Variant exact;
    exact.filter = CCE_FILTER_NONE;
    check_gradients(c, "filter auto", {});
    check_gradients(c, "exact", exact);
}

}  // namespace cce::benchmark
