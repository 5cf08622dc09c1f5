#include <list>

#include "sections/case.h"

namespace cce::benchmark {

void measure_variants(const Case &c) {
    const Buffer<float> bias(make_bias(c.data.shape.classes, c.options.seed));
    Operands biased = c.operands();
    biased.bias = bias.data();
    Variant softcap, temperature, smoothing, extras;
    softcap.softcap = 30;
    temperature.temperature = 0.7;
    smoothing.label_smoothing = 0.1;
    extras.argmax_and_entropy = true;

    struct Named {
        std::string what;
        Head head;
    };
    std::list<Named> heads;
    const auto add = [&](const char *what, const Operands &operands, const Variant &variant) {
        heads.push_back({what, c.head(operands, variant)});
    };
    add("forward, no option", c.operands(), {});
    add("forward, bias", biased, {});
    add("forward, softcap 30", c.operands(), softcap);
    add("forward, temperature 0.7", c.operands(), temperature);
    add("forward, label smoothing", c.operands(), smoothing);
    add("forward, argmax and entropy", c.operands(), extras);

    std::vector<Contender> contenders;
    for (const Named &one : heads) contenders.push_back(forward_of(one.head, one.what));
    beside_product(c, contenders);
    if (!c.options.wants("accuracy")) return;
    for (const Named &one : heads) check_accuracy(c, one.what, one.head);
}

}  // namespace cce::benchmark
