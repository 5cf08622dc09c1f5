#include "sections/case.h"

namespace cce::benchmark {

Contender forward_of(const Head &head, const std::string &what, double share) {
    return {what, [&head](cudaStream_t stream) { head.forward(stream); }, share * head.operands().shape.flops(),
            head.bytes()};
}

std::vector<Measurement> beside_product(const Case &c, const std::vector<Contender> &contenders) {
    std::vector<Contender> all = {
        {"G", [&c](cudaStream_t stream) { c.product.run(stream); }, c.product.flops(), -1}};
    all.insert(all.end(), contenders.begin(), contenders.end());
    std::vector<Statistics> times = take_turns(all, c.options.rounds, c.stream);
    const double g = times[0].median;
    std::vector<Measurement> measurements;
    for (size_t i = 0; i < all.size(); ++i) {
        const double by_g = times[i].median / g;
        Measurement m = {c.label, all[i].what, std::move(times[i]), by_g, all[i].flops, all[i].bytes};
        c.report.add(m);
        if (i > 0) measurements.push_back(std::move(m));
    }
    return measurements;
}

}  // namespace cce::benchmark
