#include "sections/case.h"
#include "targets.h"

namespace cce::benchmark {

void measure_indexed_dot(const Case &c) {
    const Head head = c.head(c.operands());
    // G comes between and leaves its logits in the cache, not E or C.
    const Contender contender = {"indexed dot product", [&](cudaStream_t stream) { head.indexed_dot(stream); }};
    const std::vector<Measurement> measured = beside_product(c, {contender});
    const double bytes = 2.0 * static_cast<double>(c.data.embeddings.bytes());  // E, and as many rows of C
    const double copy_milliseconds = 1e3 * bytes / c.report.machine().copy_bytes_per_second;
    c.report.add(Target{c.text(contender.what), "E and rows of C at copy bandwidth",
                        measured[0].milliseconds.median / copy_milliseconds, kIndexedDotMust, 0});
}

}  // namespace cce::benchmark
