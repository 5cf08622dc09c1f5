#include "sections/backward.h"

namespace cce::benchmark {
namespace {

constexpr int kRuns = 10;
constexpr int kBusyProducts = 8;  // that keep the GPU busy for longer than forward and backward

}  // namespace

void check_backward_bits(const Case &c) {
    struct Named {
        const char *what;
        Variant variant;
    };
    std::vector<Named> all = {{"filter auto", filtered_variant()}, {"exact", exact_variant()}};
    all.push_back({"filter auto, accumulated", all[0].variant});
    all.push_back({"exact, accumulated", all[1].variant});
    all[2].variant.accumulate = all[3].variant.accumulate = true;
    all.push_back({"exact, logits kept", kept_variant()});

    const Stream other;
    const Cublas busy_cublas;
    for (const Named &one : all) {
        const Head head = c.head(c.operands(), one.variant);
        head.fresh_gradients(c.stream);
        const GradientBits first = head.gradient_bits(c.stream);
        const auto differing = [&](int busy_products) {
            int different = 0;
            for (int run = 0; run < kRuns; ++run) {
                for (int i = 0; i < busy_products; ++i) c.product.run(busy_cublas, other);
                head.fresh_gradients(c.stream);
                different += !(first == head.gradient_bits(c.stream));
            }
            other.synchronize();
            return static_cast<double>(different);
        };
        const std::string what = c.text(std::string("gradients, ") + one.what);
        c.report.add(Check{what + ": of ten runs, with other bits", differing(0), 0});
        c.report.add(Check{what + ": of ten runs beside a busy stream", differing(kBusyProducts), 0});
    }
}

}  // namespace cce::benchmark
