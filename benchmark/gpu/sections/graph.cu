#include "head/graph.h"
#include "sections/case.h"

namespace cce::benchmark {
namespace {

constexpr int64_t kReplays = 10;

void copy(void *destination, const void *source, int64_t bytes, cudaStream_t stream) {
    check(cudaMemcpyAsync(destination, source, static_cast<size_t>(bytes), cudaMemcpyDefault, stream),
          "changing the inputs of a graph");
}

}  // namespace

// Each replay sees the rows of E and their targets moved on, and another number of ignored targets.
void check_graph(const Case &c) {
    const int64_t tokens = c.data.shape.tokens;
    const int64_t hidden = c.data.shape.hidden;
    const Buffer<uint16_t> embeddings(tokens * hidden);
    const Buffer<int64_t> device_targets(tokens);
    const std::vector<int64_t> targets = c.data.targets.read(c.stream);
    Operands operands = c.operands();
    operands.embeddings = embeddings.data();
    operands.targets = device_targets.data();

    const auto change_inputs = [&](int64_t k) {
        const int64_t moved = k * tokens / (kReplays + 3);
        const int64_t rest = tokens - moved;
        const int64_t row_bytes = hidden * static_cast<int64_t>(sizeof(uint16_t));
        copy(embeddings.data(), c.data.embeddings.data() + moved * hidden, rest * row_bytes, c.stream);
        copy(embeddings.data() + rest * hidden, c.data.embeddings.data(), moved * row_bytes, c.stream);
        std::vector<int64_t> changed(targets.begin() + moved, targets.end());
        changed.insert(changed.end(), targets.begin(), targets.begin() + moved);
        for (const int64_t row : choose(k * tokens / kReplays, tokens, c.options.seed + static_cast<uint64_t>(k)))
            changed[static_cast<size_t>(row)] = -100;
        copy(device_targets.data(), changed.data(), device_targets.bytes(), c.stream);
        c.stream.synchronize();
    };

    const Head captured = c.head(operands);
    const Head direct = c.head(operands);
    change_inputs(0);
    captured.fresh_results(c.stream);
    const ForwardGraph graph(captured, c.stream);
    int different = 0;
    for (int64_t k = 0; k < kReplays; ++k) {
        change_inputs(k);
        captured.poison(c.stream);
        graph.replay(c.stream);
        different += !same_bits(captured.results(c.stream), direct.fresh_results(c.stream));
    }
    c.report.add(Check{c.text("of ten graph replays on changed inputs, other bits than the direct call"),
                       static_cast<double>(different), 0});
}

}  // namespace cce::benchmark
