#include "sections/case.h"

namespace cce::benchmark {
namespace {

constexpr int kRuns = 10;
constexpr int kBusyProducts = 3;  // that keep the GPU busy for longer than one forward

}  // namespace

void check_bits(const Case &c) {
    const Head head = c.head(c.operands());
    const Results first = head.fresh_results(c.stream);
    const auto differing = [&](int runs, const auto &prepare, const Stream &stream) {
        int different = 0;
        for (int run = 0; run < runs; ++run) {
            prepare();
            different += !same_bits(first, head.fresh_results(stream));
        }
        return static_cast<double>(different);
    };
    const auto nothing = [] {};
    c.report.add(Check{c.text("of ten runs, with other bits in loss or lse"), differing(kRuns, nothing, c.stream), 0});

    const Stream other;
    c.report.add(Check{c.text("of ten runs on another stream"), differing(kRuns, nothing, other), 0});

    const Cublas busy_cublas;
    const auto load = [&] {
        for (int i = 0; i < kBusyProducts; ++i) c.product.run(busy_cublas, other);
    };
    c.report.add(Check{c.text("of ten runs beside a busy stream"), differing(kRuns, load, c.stream), 0});
    other.synchronize();

    const Head with_gradients = c.head(c.operands(), {"", Gradients::kDeclared});
    c.report.add(Check{c.text("with gradients declared, other bits"),
                       same_bits(first, with_gradients.fresh_results(c.stream)) ? 0.0 : 1.0, 0});
}

}  // namespace cce::benchmark
