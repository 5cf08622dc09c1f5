#include <algorithm>
#include <cmath>

#include "support/reference.h"

namespace cce::test {

GradientReference compute_gradients(const Case &c, const Reference &forward) {
    const cce_problem &s = c.spec;
    const int64_t rows = c.rows(), classes = s.classes, hidden = s.hidden;
    const std::vector<double> e = c.embeddings.values(), w = c.classifier.values();
    const int64_t valid = c.valid();
    const auto softmax = [&](int64_t row, int64_t j) {
        return std::exp(forward.logits[row * classes + j] - forward.lse[row]);
    };
    GradientReference r;
    double weight_sum = 0;
    for (int64_t j = 0; j < classes; ++j) weight_sum += c.class_weight(j);

    const bool wanted[2] = {(s.gradients & CCE_GRADIENT_EMBEDDINGS) != 0,
                            (s.gradients & (CCE_GRADIENT_CLASSIFIER | CCE_GRADIENT_BIAS)) != 0};
    double eps[2] = {s.filter_embeddings, s.filter_classifier};
    for (int side = 0; side < 2; ++side) {
        if (!wanted[side]) continue;
        double sum = 0, worst = 0;
        for (int64_t row = 0; row < rows; ++row) {
            if (c.ignored(row)) continue;
            double mass = 0;
            for (int64_t j = 0; j < classes; ++j) {
                const double p = softmax(row, j);
                if (eps[side] > 0 && std::fabs(p / eps[side] - 1) < 1e-4) r.borderline = true;
                if (p < eps[side] && j != c.target(row)) mass += p;
            }
            sum += mass;
            worst = std::max(worst, mass);
        }
        const double mean = valid == 0 ? 0 : sum / valid, limit = s.max_dropped_mass;
        if (limit > 0 && std::fabs(mean / limit - 1) < 1e-3) r.borderline = true;
        if (limit > 0 && mean > limit) {
            eps[side] = 0;
            r.report[CCE_REPORT_EMBEDDINGS_EXACT + side] = 1;
        } else {
            r.report[2 * side] = mean;
            r.report[2 * side + 1] = worst;
        }
    }
    for (std::vector<double> *sum : {&r.de, &r.de_size}) sum->assign(c.tokens() * hidden, 0);
    for (std::vector<double> *sum : {&r.dc, &r.dc_size}) sum->assign(classes * hidden, 0);
    for (std::vector<double> *sum : {&r.db, &r.db_size}) sum->assign(classes, 0);
    for (int64_t row = 0; row < rows; ++row) {
        if (c.ignored(row)) continue;
        double g = c.has_grad_loss ? c.grad_loss.get(s.reduction == CCE_REDUCTION_NONE ? row : 0) : 1.0;
        g = forward.divisor == 0 ? 0 : g / forward.divisor * c.token_weight(row);
        const double glse = c.has_grad_lse ? c.grad_lse.get(row) : 0.0, a = s.label_smoothing;
        const int64_t y = c.target(row), token = c.token_of(row);
        for (int64_t j = 0; j < classes; ++j) {
            const double z = forward.logits[row * classes + j], p = softmax(row, j);
            const double tanh = s.softcap > 0 ? z * s.temperature / s.softcap : 0.0;
            const double slope = (1 - tanh * tanh) / s.temperature;
            double dz[2], size[2];
            for (int side = 0; side < 2; ++side) {
                const double kept = p < eps[side] && j != y ? 0 : p;
                const double of_softmax = g * ((1 - a) * c.class_weight(y) + a / classes * weight_sum +
                                               2 * s.z_loss * forward.lse[row]) + glse;
                const double of_label =
                    g * ((1 - a) * c.class_weight(y) * (j == y) + a / classes * c.class_weight(j));
                dz[side] = (of_softmax * kept - of_label) * slope;
                size[side] = (std::fabs(of_softmax * kept) + std::fabs(of_label)) * slope;
            }
            r.db[j] += dz[1];
            r.db_size[j] += size[1];
            for (int64_t d = 0; d < hidden; ++d) {
                r.de[token * hidden + d] += dz[0] * w[j * hidden + d];
                r.dc[j * hidden + d] += dz[1] * e[token * hidden + d];
                r.de_size[token * hidden + d] += size[0] * std::fabs(w[j * hidden + d]);
                r.dc_size[j * hidden + d] += size[1] * std::fabs(e[token * hidden + d]);
            }
        }
    }
    return r;
}

}  // namespace cce::test
