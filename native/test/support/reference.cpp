#include "support/reference.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "support/parallel.h"

namespace cce::test {
namespace {

// Of E . C.
struct Factors {
    std::vector<double> embeddings, classifier;

    static Factors of(const Case &c) { return {c.embeddings.values(), c.classifier.values()}; }
    void round() {
        for (std::vector<double> *factor : {&embeddings, &classifier})
            for (double &value : *factor) value = round_to_tf32(value);
    }
};

struct Logit {
    double value;
    double size;  // of the terms of E . C + b
};

Logit logit_of(const Case &c, const Factors &factors, int64_t token, int64_t j) {
    const cce_problem &s = c.spec;
    const double b = c.has_bias ? c.bias.get(j) : 0.0;
    double u = b, size = std::isfinite(b) ? std::fabs(b) : 0;
    for (int64_t d = 0; d < s.hidden; ++d) {
        const double product = factors.embeddings[token * s.hidden + d] * factors.classifier[j * s.hidden + d];
        u += product;
        size += std::fabs(product);
    }
    return {(s.softcap > 0 ? s.softcap * std::tanh(u / s.softcap) : u) / s.temperature, size};
}

}  // namespace

Reference compute(const Case &c) {
    const cce_problem &s = c.spec;
    const int64_t rows = c.rows(), classes = s.classes, hidden = s.hidden;
    const Factors factors = Factors::of(c);
    Factors swept = factors;
    if (c.sweep_in_tf32) swept.round();
    Reference r;
    r.lse.assign(rows, 0);
    r.target_logit.assign(rows, 0);
    r.entropy.assign(rows, 0);
    r.argmax.assign(rows, -1);
    r.logit_size.assign(rows, 0);
    r.logits.assign(rows * classes, 0);
    std::vector<double> losses(rows, 0), sizes(rows, 0);
    parallel_for(rows, static_cast<double>(rows) * classes * hidden, [&](int64_t row) {
        if (c.ignored(row)) return;
        const int64_t y = c.target(row);
        double *logits = &r.logits[row * classes];
        double highest = -std::numeric_limits<double>::infinity();
        for (int64_t j = 0; j < classes; ++j) {
            const Logit logit = logit_of(c, swept, c.token_of(row), j);
            r.logit_size[row] = std::max(r.logit_size[row], logit.size / s.temperature);
            logits[j] = logit.value;
            if (logits[j] > highest) {
                highest = logits[j];
                r.argmax[row] = j;
            }
        }
        const double slack = kSlackOfSums * r.logit_size[row];
        double sum = 0, mean = 0, smooth = 0, smooth_size = 0;
        for (int64_t j = 0; j < classes; ++j) sum += std::exp(logits[j] - highest);
        const double lse = highest + std::log(sum);
        for (int64_t j = 0; j < classes; ++j) {
            const double p = std::exp(logits[j] - lse);
            if (p > 0) mean += p * logits[j];  // a logit may be -infinity
            smooth += c.class_weight(j) * (lse - logits[j]);
            smooth_size += c.class_weight(j) * (std::fabs(lse) + std::fabs(logits[j]) + slack);
        }
        r.lse[row] = lse;
        const double target_logit = c.sweep_in_tf32 ? logit_of(c, factors, c.token_of(row), y).value : logits[y];
        r.target_logit[row] = target_logit;
        r.entropy[row] = lse - mean;
        const double a = s.label_smoothing, weight = (1 - a) * c.class_weight(y), t = c.token_weight(row);
        const double of_smoothing = a > 0 ? a / classes * smooth : 0;
        const double size_of_smoothing = a > 0 ? a / classes * smooth_size : 0;
        // Below 0 only where the two were computed with factors that differ.
        const double distance = std::max(lse - target_logit, 0.0);
        losses[row] = t * (weight * distance + of_smoothing + s.z_loss * lse * lse);
        sizes[row] = t * (weight * (std::fabs(lse) + std::fabs(target_logit) + slack) + size_of_smoothing +
                          s.z_loss * std::fabs(lse) * (std::fabs(lse) + 2 * slack));
    });

    double total = 0, total_size = 0;
    for (int64_t row = 0; row < rows; ++row) {
        if (c.ignored(row)) continue;
        r.divisor += c.token_weight(row) * c.class_weight(c.target(row));
        total += losses[row];
        total_size += sizes[row];
    }
    if (s.reduction != CCE_REDUCTION_MEAN) r.divisor = 1;
    if (s.reduction == CCE_REDUCTION_NONE) {
        r.loss = losses;
        r.loss_size = sizes;
    } else {
        r.loss = {r.divisor == 0 ? 0 : total / r.divisor};
        r.loss_size = {r.divisor == 0 ? 0 : total_size / r.divisor};
    }
    return r;
}

Reference compute_in_tf32(Case c) {
    c.sweep_in_tf32 = true;
    return compute(c);
}

}  // namespace cce::test
