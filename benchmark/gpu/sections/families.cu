#include <cmath>
#include <list>

#include "head/family.h"
#include "sections/case.h"
#include "targets.h"

namespace cce::benchmark {
namespace {

constexpr const char *kPlain = "cuda-plain";
constexpr const char *kSm80 = "cuda-sm80";
constexpr double kPlainFlops = 1e12;      // larger products would take cuda-plain too long to time it
constexpr double kPlainTolerance = 1e-4;  // relative, of the loss

bool has_family(const Case &c, const std::string &name) {
    const ForcedFamily forced(name);
    return family_name(c.options.device) == name;
}

}  // namespace

void measure_families(const Case &c) {
    std::list<Head> heads;
    std::vector<Contender> contenders;
    for (const std::string family : {"cuda-sm90", kSm80, kPlain}) {
        if (family == kPlain && c.data.shape.flops() > kPlainFlops) continue;
        if (!has_family(c, family)) {
            c.report.note(c.text("there is no family " + family));
            continue;
        }
        Variant variant;
        variant.family = family;
        heads.push_back(c.head(c.operands(), variant));
        contenders.push_back(forward_of(heads.back(), "forward, " + family + " forced"));
    }
    if (contenders.empty()) return;
    for (const Measurement &m : beside_product(c, contenders))
        if (c.data.shape == kMainShape && m.what.find(kSm80) != std::string::npos)
            c.report.add(Target{c.text(m.what), "G", m.by_g, kSm80Must, 0});
    if (!c.options.wants("accuracy")) return;
    for (const Head &head : heads) check_accuracy(c, head.variant().family + " forced", head);
}

void check_plain_loss(const Case &c) {
    Variant variant;
    variant.family = kPlain;
    const Head plain = c.head(c.operands(), variant);
    const Head ours = c.head(c.operands());
    const double expected = plain.fresh_results(c.stream).loss[0];
    const double actual = ours.fresh_results(c.stream).loss[0];
    c.report.add(Check{c.text("relative difference of the loss from cuda-plain's"),
                       std::abs(actual - expected) / std::abs(expected), kPlainTolerance});
}

}  // namespace cce::benchmark
