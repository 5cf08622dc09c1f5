#include "head/graph.h"
#include "sections/case.h"
#include "targets.h"

namespace cce::benchmark {

void measure_forward(const Case &c) {
    const Head forward = c.head(c.operands());
    const Head with_gradients = c.head(c.operands(), {"", Gradients::kDeclared});
    forward.forward(c.stream);
    const Graph graph([&](cudaStream_t stream) { forward.forward(stream); }, c.stream);
    const Contender replayed = {"forward, CUDA graph", [&](cudaStream_t stream) { graph.replay(stream); },
                                c.data.shape.flops(), forward.bytes()};
    const std::vector<Measurement> measured =
        beside_product(c, {forward_of(forward, "forward"),
                           forward_of(with_gradients, "forward, gradients declared"), replayed});

    for (const ForwardTarget &target : kForwardTargets)
        if (target.shape == c.data.shape)
            c.report.add(Target{c.text("forward"), "G", measured[0].by_g, target.must, target.aim});
    c.report.add(Target{c.text("forward with gradients declared"), "forward",
                        measured[1].milliseconds.median / measured[0].milliseconds.median, kGradientsMust, 0});
    if (!(c.data.shape == kMainShape)) return;
    c.report.add(Target{c.text("state and workspace, forward alone"), "MB",
                        static_cast<double>(forward.bytes()) / 1e6, kForwardMegabytesMust, kForwardMegabytesAim});
    c.report.add(Target{c.text("state and workspace, gradients declared"), "MB",
                        static_cast<double>(with_gradients.bytes()) / 1e6, kGradientsMegabytesMust,
                        kGradientsMegabytesAim});
}

}  // namespace cce::benchmark
