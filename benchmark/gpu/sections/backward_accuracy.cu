#include <numeric>

#include "dense/dense_head.h"
#include "dense/distance.h"
#include "report/table.h"
#include "sections/backward.h"
#include "targets.h"

namespace cce::benchmark {
namespace {

// Errors of a head's gradients. Classes that are no target have small gradients, which the sum over all would hide.
struct Errors {
    Squares embeddings;
    Squares classifier;
    Squares rare;  // of dC, the classes that are no target
};

// All of dE and of dC, beside float32 gradients whose lse is their own. `options` is empty, or says which there are.
void check_gradients(const Case &c, const std::string &options, const Operands &operands, double softcap) {
    Variant exactly = exact_variant();
    Variant keeping = kept_variant();
    Variant filtering = filtered_variant();
    exactly.softcap = keeping.softcap = filtering.softcap = softcap;
    const Head exact = c.head(operands, exactly);
    const Head kept = c.head(operands, keeping);
    const Head filtered = c.head(operands, filtering);
    Errors of_exact, of_kept, of_filtered;
    const std::vector<std::pair<const Head *, Errors *>> heads = {
        {&exact, &of_exact}, {&kept, &of_kept}, {&filtered, &of_filtered}};
    for (const auto &[head, errors] : heads) head->fresh_gradients(c.stream);

    const Shape &shape = c.data.shape;
    std::vector<bool> is_target(static_cast<size_t>(shape.classes));
    for (const int64_t target : c.data.targets.read(c.stream)) is_target[static_cast<size_t>(target)] = true;
    std::vector<int64_t> order(static_cast<size_t>(shape.classes));
    std::iota(order.begin(), order.end(), 0);
    const DenseHead dense(c.cublas, c.stream, operands, exactly, order);
    const Buffer<float> embeddings(std::vector<float>(static_cast<size_t>(shape.tokens * shape.hidden)));
    dense.for_each_chunk([&](const DenseChunk &chunk) {
        dense.write_dz(chunk);
        dense.add_embeddings(chunk, embeddings);
        const float *const reference = dense.classifier(chunk);
        for (const auto &[head, errors] : heads) {
            const std::vector<Squares> of_classes =
                squares_of_rows(c.data.dtype, head->classifier_gradient(), dense.order() + chunk.first, reference,
                                chunk.classes, shape.hidden, c.stream);
            for (size_t j = 0; j < of_classes.size(); ++j) {
                errors->classifier.add(of_classes[j]);
                if (!is_target[static_cast<size_t>(chunk.first) + j]) errors->rare.add(of_classes[j]);
            }
        }
    });
    for (const auto &[head, errors] : heads)
        errors->embeddings = squares(c.data.dtype, head->embeddings_gradient(), nullptr, embeddings.data(),
                                     shape.tokens, shape.hidden, c.stream);

    const auto add = [&](const char *what, const Squares &of, const Squares &with_kept) {
        c.report.add(Check{c.text("exact gradients" + options + ": difference from float32 by its norm, " + what),
                           of.error(), kGradientErrorMust});
        c.report.add(Check{c.text("exact gradients" + options + ": what kept logits add to that difference, " + what),
                           with_kept.error() - of.error(), kKeptErrorMust});
    };
    add("dE", of_exact.embeddings, of_kept.embeddings);
    add("dC", of_exact.classifier, of_kept.classifier);
    if (of_exact.rare.reference > 0) add("dC of classes that are no target", of_exact.rare, of_kept.rare);
    c.report.note(c.text(format("filter auto%s: error of dE %.5f, of dC %.5f", options.c_str(),
                                of_filtered.embeddings.error(), of_filtered.classifier.error())));
}

}  // namespace

void check_backward_accuracy(const Case &c) { check_gradients(c, "", c.operands(), 0); }

void check_backward_variants(const Case &c) {
    const Buffer<float> bias(make_bias(c.data.shape.classes, c.options.seed));
    Operands biased = c.operands();
    biased.bias = bias.data();
    check_gradients(c, " with bias and softcap 30", biased, 30);
}

}  // namespace cce::benchmark
