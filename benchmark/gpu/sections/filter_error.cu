#include <algorithm>
#include <cmath>
#include <optional>

#include "dense/distance.h"
#include "dense/distribution.h"
#include "dense/mean_logit.h"
#include "dense/tail.h"
#include "report/table.h"
#include "sections/backward.h"

namespace cce::benchmark {
namespace {

constexpr int64_t kTokens = 2048;  // the first ones of the workload, as a problem of their own
constexpr int kTileExponent = 12;
constexpr int kFirstExponent = 10;
constexpr int kLastExponent = 18;

template <typename T>
Buffer<T> zeros(int64_t count) {
    return Buffer<T>(std::vector<T>(static_cast<size_t>(count)));
}

// One filter in plain float32.
struct Filter {
    int exponent;  // of eps = 2^-exponent
    bool tiles;

    std::string text() const { return (tiles ? "tiles, 2^-" : "entries, 2^-") + std::to_string(exponent); }
    void write_dropped(const DenseHead &dense, const DenseChunk &chunk, Kept *kept, cudaStream_t stream) const {
        const auto write = tiles ? write_dropped_tiles : write_dropped_entries;
        write(dense, chunk, std::ldexp(1.0f, -exponent), kept, stream);
    }
};

// What filters are compared with.
struct Exact {
    const DenseHead &dense;
    const Operands &operands;
    double embeddings;  // squared norms of the gradients
    double classifier;
};

// Exact gradients less filtered ones, with a tail correction or without.
struct Residual {
    Buffer<float> tail;        // (V), or empty
    Buffer<float> embeddings;  // (N, D)
    Squares classifier;

    Residual(Buffer<float> tail, const Shape &shape)
        : tail(std::move(tail)), embeddings(zeros<float>(shape.tokens * shape.hidden)) {}

    // Beside zeros, the residual is the reference itself.
    void add(const Case &c, const Exact &exact, const DenseChunk &chunk) {
        exact.dense.add_embeddings(chunk, embeddings);
        classifier.add(squares(nullptr, nullptr, exact.dense.classifier(chunk), chunk.classes,
                               exact.operands.shape.hidden, c.stream));
    }
    GradientErrors errors(const Case &c, const Exact &exact) const {
        const Shape &shape = exact.operands.shape;
        const Squares of_embeddings =
            squares(nullptr, nullptr, embeddings.data(), shape.tokens, shape.hidden, c.stream);
        return {Squares{of_embeddings.reference, exact.embeddings}.error(),
                Squares{classifier.reference, exact.classifier}.error()};
    }
};

// Goes through the chunks twice: what corrections are made of is complete after all of them only.
FilterError study(const Case &c, const Exact &exact, const Filter &filter) {
    const DenseHead &dense = exact.dense;
    const Shape &shape = exact.operands.shape;
    const Buffer<Kept> kept = zeros<Kept>(shape.tokens);
    const Buffer<float> sums(shape.classes);
    dense.for_each_chunk([&](const DenseChunk &chunk) {
        filter.write_dropped(dense, chunk, kept.data(), c.stream);
        write_class_sums(dense, chunk, sums.data(), c.stream);
    });
    const std::vector<Kept> rows = kept.read(c.stream);

    std::vector<Residual> residuals;
    residuals.emplace_back(Buffer<float>(), shape);
    if (!filter.tiles) {
        residuals.emplace_back(Buffer<float>(guess_tail(exact.operands, rows, c.stream)), shape);
        residuals.emplace_back(Buffer<float>(normalized(sums.read(c.stream))), shape);
    }
    dense.for_each_chunk([&](const DenseChunk &chunk) {
        for (Residual &residual : residuals) {
            filter.write_dropped(dense, chunk, nullptr, c.stream);
            if (residual.tail.count() > 0) subtract_tail(dense, chunk, kept.data(), residual.tail.data(), c.stream);
            residual.add(c, exact, chunk);
        }
    });

    double entries = 0;
    double mass = 0;
    for (const Kept &row : rows) {
        entries += row.entries;
        mass += row.dropped_mass;
    }
    const double tokens = static_cast<double>(shape.tokens);
    std::optional<TailErrors> tail;
    if (!filter.tiles) tail = TailErrors{residuals[1].errors(c, exact), residuals[2].errors(c, exact)};
    return {c.label, filter.text(), residuals[0].errors(c, exact), tail, entries / tokens, mass / tokens};
}

// `entries`: the largest eps first. `errors_of` says which of their errors count.
template <typename F>
void note_enough(const Case &c, const char *what, const std::vector<FilterError> &entries, const GradientErrors &tiles,
                 F errors_of) {
    const auto enough = std::find_if(entries.begin(), entries.end(), [&](const FilterError &error) {
        const GradientErrors &errors = errors_of(error);
        return errors.embeddings <= tiles.embeddings && errors.classifier <= tiles.classifier;
    });
    c.report.note(c.text(format("the largest eps of %s with no error above that of tiles at 2^-12: %s", what,
                                enough == entries.end() ? "none that was tried" : enough->filter.c_str())));
}

// Of filtered gradients beside libcce's exact ones.
GradientErrors errors_beside_exact(const Case &c, const Operands &operands, const float *embeddings,
                                   const float *classifier) {
    const Shape &shape = operands.shape;
    Variant variant = exact_variant();
    variant.float32_gradients = true;
    const Head exact = c.head(operands, variant);
    exact.fresh_gradients(c.stream);
    const auto error = [&](const float *filtered, const void *gradient, int64_t rows) {
        return squares(filtered, nullptr, static_cast<const float *>(gradient), rows, shape.hidden, c.stream).error();
    };
    return {error(embeddings, exact.embeddings_gradient(), shape.tokens),
            error(classifier, exact.classifier_gradient(), shape.classes)};
}

}  // namespace

void measure_filter_error(const Case &c) {
    if (c.label.workload == kDense) return;  // every filter drops it all
    Operands operands = c.operands();
    operands.shape.tokens = std::min(kTokens, operands.shape.tokens);
    const Shape &shape = operands.shape;
    // The rounding of 16-bit gradients is more than what the tile filter drops.
    Variant variant = filtered_variant();
    variant.float32_gradients = true;
    const Head head = c.head(operands, variant);
    head.fresh_gradients(c.stream);
    const auto *const head_classifier = static_cast<const float *>(head.classifier_gradient());
    const auto *const head_embeddings = static_cast<const float *>(head.embeddings_gradient());
    const GradientErrors beside_exact = errors_beside_exact(c, operands, head_embeddings, head_classifier);

    const DenseHead dense(c.cublas, c.stream, operands, head.variant(), order_by_mean_logit(operands, c.stream));
    const Buffer<float> embeddings = zeros<float>(shape.tokens * shape.hidden);
    Squares of_classifier;
    dense.for_each_chunk([&](const DenseChunk &chunk) {
        dense.write_dz(chunk);
        dense.add_embeddings(chunk, embeddings);
        of_classifier.add(squares(head_classifier, dense.order() + chunk.first, dense.classifier(chunk), chunk.classes,
                                  shape.hidden, c.stream));
    });
    const Squares of_embeddings =
        squares(head_embeddings, nullptr, embeddings.data(), shape.tokens, shape.hidden, c.stream);

    const Exact exact = {dense, operands, of_embeddings.reference, of_classifier.reference};
    const FilterError of_tiles = study(c, exact, {kTileExponent, true});
    c.report.add(of_tiles);
    const GradientErrors &tiles = of_tiles.plain;
    std::vector<FilterError> entries;
    for (int exponent = kFirstExponent; exponent <= kLastExponent; ++exponent) {
        entries.push_back(study(c, exact, {exponent, false}));
        c.report.add(entries.back());
    }
    note_enough(c, "entries", entries, tiles, [](const FilterError &error) { return error.plain; });
    note_enough(c, "entries with a tail correction", entries, tiles,
                [](const FilterError &error) { return error.tail->guessed; });
    note_filter_report(c, format("filter auto on the first %lld tokens", static_cast<long long>(shape.tokens)), head);

    // What is dropped, once beside float32 and once beside what else has the same rounding errors, if it has: these
    // only add to the distance.
    c.report.note(c.text(format("filter auto: distance of dE and dC from float32 %.3g and %.3g, from exact gradients "
                                "of the same kind %.3g and %.3g",
                                of_embeddings.error(), of_classifier.error(), beside_exact.embeddings,
                                beside_exact.classifier)));
    c.report.add(Check{c.text("filter auto: error of dE, limit: that of tiles at 2^-12"),
                       std::min(of_embeddings.error(), beside_exact.embeddings), tiles.embeddings});
    c.report.add(Check{c.text("filter auto: error of dC, limit: that of tiles at 2^-12"),
                       std::min(of_classifier.error(), beside_exact.classifier), tiles.classifier});
}

}  // namespace cce::benchmark
