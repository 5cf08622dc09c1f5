#include "report/table.h"
#include "sections/backward.h"
#include "targets.h"

namespace cce::benchmark {

Variant filtered_variant() {
    Variant variant;
    variant.gradients = Gradients::kComputed;
    return variant;
}

Variant exact_variant() {
    Variant variant = filtered_variant();
    variant.filter = CCE_FILTER_NONE;
    return variant;
}

Variant kept_variant() {
    Variant variant = exact_variant();
    variant.kept_logits_bytes = INT64_MAX;
    return variant;
}

Contender both_passes_of(const Head &head, const std::string &what, double products) {
    return {what,
            [&head](cudaStream_t stream) {
                head.forward(stream);
                head.backward(stream);
            },
            products * head.operands().shape.flops(), head.bytes()};
}

Contender backward_of(const Head &head, const std::string &what, double products) {
    return {what, [&head](cudaStream_t stream) { head.backward(stream); }, products * head.operands().shape.flops(),
            head.bytes()};
}

void note_filter_report(const Case &c, const std::string &what, const Head &head) {
    const std::vector<float> r = head.filter_report(c.stream);
    c.report.note(c.text(format("%s dropped of the softmax mass, mean and worst row, for dE %.5f and %.5f, for dC %.5f "
                                "and %.5f; computed exactly: dE %s, dC %s",
                                what.c_str(), r[CCE_REPORT_EMBEDDINGS_MEAN], r[CCE_REPORT_EMBEDDINGS_WORST],
                                r[CCE_REPORT_CLASSIFIER_MEAN], r[CCE_REPORT_CLASSIFIER_WORST],
                                r[CCE_REPORT_EMBEDDINGS_EXACT] == 1 ? "yes" : "no",
                                r[CCE_REPORT_CLASSIFIER_EXACT] == 1 ? "yes" : "no")));
}

namespace {

void add_memory_target(const Case &c, const char *what, const Head &head, const Goal &goal) {
    c.report.add(Target{c.text(std::string("memory beyond inputs, ") + what), "MiB",
                        static_cast<double>(head.bytes()) / (1 << 20), goal.must, goal.aim});
}

// Exact gradients with all logits kept, at the shapes that there is a goal for.
void measure_kept(const Case &c, const BackwardTarget &target) {
    const Head head = c.head(c.operands(), kept_variant());
    const std::string what = "forward and backward, exact, logits kept";
    const std::vector<Measurement> measured =
        beside_product(c, {both_passes_of(head, what, kKeptProducts),
                           forward_of(head, "forward, logits kept"),
                           backward_of(head, "backward, exact, logits kept", kKeptProducts - 1)});
    c.report.add(Target{c.text(what), "G", measured[0].by_g, target.kept.must, target.kept.aim});
}

// A workload in which nothing may be filtered: the limit on the dropped mass makes backward exact.
void measure_fall_back(const Case &c) {
    Variant variant = filtered_variant();
    variant.max_dropped_mass = kMaxDroppedMass;
    const Head head = c.head(c.operands(), variant);
    const std::string what = "forward and backward, filter auto, at most 0.01 dropped";
    const std::vector<Measurement> measured = beside_product(c, {both_passes_of(head, what, kExactProducts)});
    if (c.data.shape == kMainShape)
        c.report.add(Target{c.text(what), "G", measured[0].by_g, kFellBack.must, kFellBack.aim});
    head.fresh_gradients(c.stream);
    note_filter_report(c, what, head);
    const std::vector<float> report = head.filter_report(c.stream);
    c.report.add(Check{c.text("of dE and dC, not exact although more than 0.01 would be dropped"),
                       2.0 - report[CCE_REPORT_EMBEDDINGS_EXACT] - report[CCE_REPORT_CLASSIFIER_EXACT], 0});
}

}  // namespace

void measure_backward(const Case &c) {
    {
        const Head filtered = c.head(c.operands(), filtered_variant());
        const Head exact = c.head(c.operands(), exact_variant());
        const std::string of_filtered = "forward and backward, filter auto";
        const std::string of_exact = "forward and backward, exact";
        const std::vector<Measurement> measured =
            beside_product(c, {both_passes_of(filtered, of_filtered), backward_of(filtered, "backward, filter auto"),
                               both_passes_of(exact, of_exact, kExactProducts),
                               backward_of(exact, "backward, exact", kExactProducts - 1)});
        const double by_g = measured[0].by_g;
        for (const BackwardTarget &target : kBackwardTargets) {
            if (!(target.shape == c.data.shape)) continue;
            if (c.label.workload == kGemmaLike)
                c.report.add(Target{c.text(of_filtered), "G", by_g, target.filtered.must, target.filtered.aim});
            if (c.label.workload != kTrainedHead)
                c.report.add(Target{c.text(of_exact), "G", measured[2].by_g, target.exact.must, target.exact.aim});
        }
        if (c.label.workload == kTrainedHead)
            c.report.add(Target{c.text(of_filtered), "G", by_g, kTrained.must, kTrained.aim});
        if (c.data.shape == kMainShape && c.label.workload != kTrainedHead) {
            add_memory_target(c, "filtered gradients", filtered, kFilteredMebibytes);
            add_memory_target(c, "exact gradients", exact, kExactMebibytes);
        }
        filtered.fresh_gradients(c.stream);
        note_filter_report(c, of_filtered, filtered);
    }
    if (c.label.workload != kTrainedHead)
        for (const BackwardTarget &target : kBackwardTargets)
            if (target.shape == c.data.shape && target.kept.must > 0) measure_kept(c, target);
    if (c.label.workload == kDense) measure_fall_back(c);
}

}  // namespace cce::benchmark
