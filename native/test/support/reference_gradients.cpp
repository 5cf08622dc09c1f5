#include <algorithm>
#include <cmath>

#include "support/dtype.h"
#include "support/parallel.h"
#include "support/reference.h"

namespace cce::test {
namespace {

enum Side { kEmbeddingsSide, kClassifierSide, kSides };
// What is dropped: what a filter says, that but of live classes, or nothing.
enum class Drops { kEntries, kClasses, kNothing };

// Of an entry's distance to the filter's threshold, relative: nearer, rounding decides whether it counts.
constexpr double kNearThreshold = 1e-3;
// The same of the mean dropped mass and its limit.
constexpr double kNearLimit = 1e-2;
// The same of a class's largest entry, beside which a kernel may keep a bit more.
constexpr double kNearLive = 5e-3;
constexpr int64_t kTileClasses = 192;

double resolved_filter(double eps, int32_t dtype) {
    if (eps != CCE_FILTER_AUTO) return eps;
    return std::ldexp(1.0, dtype == CCE_F32 ? -28 : -16);
}

struct RowFactors {
    double softmax;  // what the softmax is multiplied with
    double target, smoothing;
};

struct Term {
    double value, size, doubt, kept;
    double rounding;  // of the value, to 16 bits
};

// TF32 has the digits of float16, whose exponents a scale takes care of.
double rounded_dz(double value, int32_t dtype) {
    return dtype == CCE_F16 ? round_to_tf32(value) : decode(encode(value, CCE_BF16), CCE_BF16);
}

// How far kept logits, as cce.h has them, put a probability off, and dz/dx, both relative to the largest there is.
struct KeptError {
    double probability = 0, slope = 0;

    explicit KeptError(const cce_problem &s) {
        if (s.kept_logits_bytes == 0) return;
        probability = s.softcap > 0 ? s.softcap / s.temperature * 0x1p-16 : 0x1p-12;
        slope = s.softcap > 0 ? 0x1p-15 : 0;
    }
};

// Sums of squares over the elements that a term adds to.
struct Squares {
    double value = 0, kept = 0;

    void operator+=(const Squares &other) {
        value += other.value;
        kept += other.kept;
    }
};

// The gradients of the logits before softcap, one by one.
class Terms {
public:
    Terms(const Case &c, const Reference &forward)
        : c_(c), forward_(forward),
          eps_{resolved_filter(c.spec.filter_embeddings, c.spec.dtype),
               resolved_filter(c.spec.filter_classifier, c.spec.dtype)},
          kept_(c.spec),
          rows_(c.rows()) {
        const cce_problem &s = c.spec;
        double weight_sum = 0;
        for (int64_t j = 0; j < s.classes; ++j) weight_sum += c.class_weight(j);
        for (int64_t row = 0; row < c.rows(); ++row) {
            if (c.ignored(row)) continue;
            double g = c.has_grad_loss ? c.grad_loss.get(s.reduction == CCE_REDUCTION_NONE ? row : 0) : 1.0;
            g = forward.divisor == 0 ? 0 : g / forward.divisor * c.token_weight(row);
            const double target = g * (1 - s.label_smoothing) * c.class_weight(c.target(row));
            const double smoothing = g * s.label_smoothing / s.classes;
            const double softmax = target + smoothing * weight_sum + g * 2 * s.z_loss * forward.lse[row] +
                                   (c.has_grad_lse ? c.grad_lse.get(row) : 0.0);
            rows_[row] = {softmax, target, smoothing};
        }
    }

    double probability(int64_t row, int64_t j) const {
        return std::exp(forward_.logits[row * c_.spec.classes + j] - forward_.lse[row]);
    }
    double eps(Side side) const { return eps_[side]; }
    // The filter with the smallest threshold, if there is any.
    Side least() const {
        const bool embeddings = eps_[1] == 0 || (eps_[0] > 0 && eps_[0] < eps_[1]);
        return embeddings ? kEmbeddingsSide : kClassifierSide;
    }
    void switch_off_filter(Side side) { eps_[side] = 0; }
    bool drops(Side side, int64_t row, int64_t j, double p) const {
        return p < eps_[side] && j != c_.target(row) && !is_live(j);
    }
    bool in_doubt(Side side, int64_t row, int64_t j, double p) const {
        return eps_[side] > 0 && std::fabs(p / eps_[side] - 1) < kNearThreshold && j != c_.target(row) && !is_live(j);
    }

    // From now on nothing is dropped of a class of which something is kept. Returns whether it is clear which these
    // are.
    bool keep_live_classes() {
        const double eps = this->eps(least());
        const int64_t classes = c_.spec.classes;
        std::vector<double> largest(classes, 0);
        for (int64_t row = 0; row < c_.rows(); ++row) {
            if (c_.ignored(row)) continue;
            for (int64_t j = 0; j < classes; ++j) largest[j] = std::max(largest[j], probability(row, j));
            largest[c_.target(row)] = 1;
        }
        live_.assign(classes, 0);
        int64_t count = 0;
        bool clear = true;
        for (int64_t j = 0; j < classes; ++j) {
            live_[j] = largest[j] >= eps;
            count += live_[j];
            clear = clear && std::fabs(largest[j] / eps - 1) > kNearLive;
        }
        for (int64_t j = 0; count % kTileClasses != 0; ++j) {
            count += !live_[j];
            live_[j] = 1;
        }
        return clear;
    }

    Term term(Side side, int64_t row, int64_t j) const {
        const cce_problem &s = c_.spec;
        const double p = probability(row, j), z = forward_.logits[row * s.classes + j];
        const double tanh = s.softcap > 0 ? z * s.temperature / s.softcap : 0.0;
        const double slope = (1 - tanh * tanh) / s.temperature;
        const RowFactors &factors = rows_[row];
        const double of_softmax = factors.softmax * p;
        const double kept = drops(side, row, j, p) ? 0 : of_softmax;
        const double of_label =
            factors.smoothing * c_.class_weight(j) + (j == c_.target(row) ? factors.target : 0.0);
        const double value = (kept - of_label) * slope;
        // The slope is itself a difference, of terms of 1 / temperature.
        return {value, (std::fabs(kept) + std::fabs(of_label)) / s.temperature,
                in_doubt(side, row, j, p) ? std::fabs(of_softmax) * slope : 0.0,
                std::fabs(of_softmax) * slope * kept_.probability +
                    std::fabs(kept - of_label) * kept_.slope / s.temperature,
                rounded_dz(value, s.dtype) - value};
    }

private:
    bool is_live(int64_t j) const { return !live_.empty() && live_[j]; }

    const Case &c_;
    const Reference &forward_;
    double eps_[kSides];
    KeptError kept_;
    std::vector<RowFactors> rows_;
    std::vector<char> live_;
};

void resize(Gradient *gradient, int64_t count) {
    for (std::vector<double> *v : {&gradient->value, &gradient->size, &gradient->doubt, &gradient->rounding})
        v->assign(count, 0);
}

// Adds a term times `values` to line `line` of the gradient; returns the squares of what it added.
Squares add(Gradient *gradient, int64_t line, const Term &term, const double *values, int64_t count) {
    if (term.value == 0 && term.size == 0 && term.rounding == 0 && term.doubt == 0 && term.kept == 0) return {};
    double *value = &gradient->value[line * count], *size = &gradient->size[line * count];
    double *rounding = &gradient->rounding[line * count];
    double squares = 0, of_values = 0;
    for (int64_t d = 0; d < count; ++d) {
        const double product = term.value * values[d];
        value[d] += product;
        size[d] += term.size * std::fabs(values[d]);
        rounding[d] += term.rounding * values[d];
        squares += product * product;
        of_values += values[d] * values[d];
    }
    if (term.doubt > 0)
        for (int64_t d = 0; d < count; ++d) gradient->doubt[line * count + d] += term.doubt * std::fabs(values[d]);
    return {squares, term.kept * term.kept * of_values};
}

void set_roots(Gradient *gradient, const std::vector<Squares> &squares) {
    Squares sum;
    for (const Squares &square : squares) sum += square;
    gradient->terms = std::sqrt(sum.value);
    gradient->kept = std::sqrt(sum.kept);
}

// What the filter of one side drops, and whether it stays on.
void settle_filter(const Case &c, const DroppedMass &dropped, Side side, bool stays, Terms *terms,
                   GradientReference *r) {
    const double limit = c.spec.max_dropped_mass;
    if (limit > 0 && std::fabs(dropped.mean - limit) < kNearLimit * limit + dropped.mean_doubt) r->undecided = true;
    if (!stays || (limit > 0 && dropped.mean > limit)) {
        terms->switch_off_filter(side);
        r->report[CCE_REPORT_EMBEDDINGS_EXACT + side] = 1;
        return;
    }
    r->report[2 * side] = dropped.mean;
    r->report[2 * side + 1] = dropped.worst;
    r->report_doubt[2 * side] = dropped.mean_doubt;
    r->report_doubt[2 * side + 1] = dropped.worst_doubt;
}

DroppedMass dropped_mass(const Case &c, const Reference &forward, const Terms &terms, Side side) {
    const int64_t rows = c.rows(), classes = c.spec.classes;
    DroppedMass dropped;
    const bool computed = forward.divisor != 0 || c.has_grad_lse;
    if (!computed || terms.eps(side) == 0 || c.valid() == 0) return dropped;
    std::vector<double> mass(rows, 0), doubt(rows, 0);
    parallel_for(rows, 10.0 * rows * classes, [&](int64_t row) {
        if (c.ignored(row)) return;
        for (int64_t j = 0; j < classes; ++j) {
            const double p = terms.probability(row, j);
            if (terms.drops(side, row, j, p)) mass[row] += p;
            if (terms.in_doubt(side, row, j, p)) doubt[row] += p;
        }
    });
    for (int64_t row = 0; row < rows; ++row) {
        dropped.mean += mass[row] / c.valid();
        dropped.mean_doubt += doubt[row] / c.valid();
        dropped.worst = std::max(dropped.worst, mass[row]);
        dropped.worst_doubt = std::max(dropped.worst_doubt, doubt[row]);
    }
    return dropped;
}

GradientReference compute_gradients(const Case &c, const Reference &forward, Drops drops) {
    const cce_problem &s = c.spec;
    const int64_t rows = c.rows(), classes = s.classes, hidden = s.hidden;
    const double work = static_cast<double>(rows) * classes * (hidden + 20);
    const std::vector<double> e = c.embeddings.values(), w = c.classifier.values();
    Terms terms(c, forward);
    GradientReference r;
    bool filters = true;
    for (Side side : {kEmbeddingsSide, kClassifierSide}) {
        const int32_t mask = side == kEmbeddingsSide ? CCE_GRADIENT_EMBEDDINGS
                                                     : CCE_GRADIENT_CLASSIFIER | CCE_GRADIENT_BIAS;
        if ((s.gradients & mask) == 0) continue;
        settle_filter(c, dropped_mass(c, forward, terms, side), side, drops != Drops::kNothing, &terms, &r);
        filters = filters && terms.eps(side) > 0;
    }
    if (drops == Drops::kClasses && filters && !terms.keep_live_classes()) r.undecided = true;
    resize(&r.embeddings, c.tokens() * hidden);
    resize(&r.classifier, classes * hidden);
    resize(&r.bias, classes);

    std::vector<Squares> of_rows(rows), of_classes(classes), of_biases(classes);
    parallel_for(rows, work, [&](int64_t row) {
        if (c.ignored(row)) return;
        for (int64_t j = 0; j < classes; ++j)
            of_rows[row] += add(&r.embeddings, c.token_of(row), terms.term(kEmbeddingsSide, row, j), &w[j * hidden],
                                hidden);
    });
    parallel_for(classes, work, [&](int64_t j) {
        constexpr double kOne = 1;
        for (int64_t row = 0; row < rows; ++row) {
            if (c.ignored(row)) continue;
            const Term term = terms.term(kClassifierSide, row, j);
            of_classes[j] += add(&r.classifier, j, term, &e[c.token_of(row) * hidden], hidden);
            of_biases[j] += add(&r.bias, j, term, &kOne, 1);
        }
    });
    set_roots(&r.embeddings, of_rows);
    set_roots(&r.classifier, of_classes);
    set_roots(&r.bias, of_biases);
    return r;
}

}  // namespace

DroppedMass dropped_by_embeddings_filter(const Case &c, const Reference &forward) {
    return dropped_mass(c, forward, Terms(c, forward), kEmbeddingsSide);
}

DroppedMass dropped_by_classifier_filter(const Case &c, const Reference &forward) {
    return dropped_mass(c, forward, Terms(c, forward), kClassifierSide);
}

GradientReference compute_gradients(const Case &c, const Reference &forward) {
    return compute_gradients(c, forward, Drops::kEntries);
}

GradientReference compute_condensed_gradients(const Case &c, const Reference &forward) {
    return compute_gradients(c, forward, Drops::kClasses);
}

GradientReference compute_exact_gradients(const Case &c, const Reference &forward) {
    return compute_gradients(c, forward, Drops::kNothing);
}

KeptEntries count_kept(const Case &c, const Reference &forward) {
    const Terms terms(c, forward);
    const Side side = terms.least();
    const int64_t rows = c.rows(), classes = c.spec.classes;
    KeptEntries kept;
    if (forward.divisor == 0 && !c.has_grad_lse) return kept;
    std::vector<KeptEntries> of_rows(rows);
    parallel_for(rows, 10.0 * rows * classes, [&](int64_t row) {
        if (c.ignored(row)) return;
        for (int64_t j = 0; j < classes; ++j) {
            const double p = terms.probability(row, j);
            const bool doubt = terms.in_doubt(side, row, j, p);
            const bool keeps = !terms.drops(side, row, j, p);
            of_rows[row].least += keeps && !doubt;
            of_rows[row].most += keeps || doubt;
        }
    });
    for (const KeptEntries &of_row : of_rows) {
        kept.least += of_row.least;
        kept.most += of_row.most;
    }
    return kept;
}

}  // namespace cce::test
