#include <algorithm>
#include <cmath>
#include <iterator>
#include <list>

#include "dense/distance.h"
#include "dense/filters.h"
#include "report/table.h"
#include "sections/backward.h"

namespace cce::benchmark {
namespace {

constexpr int64_t kTokens = 2048;  // the first ones of the workload, as a problem of their own
constexpr int kTileExponent = 12;
constexpr int kFirstExponent = 10;
constexpr int kLastExponent = 18;

// One filter in plain float32, and what it drops of the gradients.
struct Filter {
    int exponent;  // of eps = 2^-exponent
    bool tiles;
    Buffer<float> embeddings;
    Buffer<Kept> kept;
    Squares classifier;
    FilterError error = {};

    Filter(int exponent, bool tiles, const Shape &shape)
        : exponent(exponent), tiles(tiles),
          embeddings(std::vector<float>(static_cast<size_t>(shape.tokens * shape.hidden))),
          kept(std::vector<Kept>(static_cast<size_t>(shape.tokens))) {}

    std::string text() const { return (tiles ? "tiles, 2^-" : "entries, 2^-") + std::to_string(exponent); }
};

// What the chunk's part of the filter's errors is.
void drop(const Case &c, const DenseHead &dense, const DenseChunk &chunk, int64_t hidden, Filter *filter) {
    const float eps = std::ldexp(1.0f, -filter->exponent);
    const auto write = filter->tiles ? write_dropped_tiles : write_dropped_entries;
    write(dense, chunk, eps, filter->kept.data(), c.stream);
    dense.add_embeddings(chunk, filter->embeddings);
    filter->classifier.add(
        squares(c.data.dtype, nullptr, nullptr, dense.classifier(chunk), chunk.classes, hidden, c.stream));
}

// `embeddings` and `classifier`: squared norms of the exact gradients.
void finish(const Case &c, const Shape &shape, double embeddings, double classifier, Filter *filter) {
    // Beside zeros, the dropped part is the reference itself.
    const Squares dropped =
        squares(c.data.dtype, nullptr, nullptr, filter->embeddings.data(), shape.tokens, shape.hidden, c.stream);
    double entries = 0;
    double mass = 0;
    for (const Kept &row : filter->kept.read(c.stream)) {
        entries += row.entries;
        mass += row.dropped_mass;
    }
    const double tokens = static_cast<double>(shape.tokens);
    filter->error = {c.label,
                     filter->text(),
                     Squares{dropped.reference, embeddings}.error(),
                     Squares{filter->classifier.reference, classifier}.error(),
                     entries / tokens,
                     mass / tokens};
    c.report.add(filter->error);
}

}  // namespace

void measure_filter_error(const Case &c) {
    if (c.label.workload == kDense) return;  // every filter drops it all
    Operands operands = c.operands();
    operands.shape.tokens = std::min(kTokens, operands.shape.tokens);
    const Shape &shape = operands.shape;
    const Head head = c.head(operands, filtered_variant());
    head.fresh_gradients(c.stream);

    const DenseHead dense(c.cublas, c.stream, operands, head.variant(), order_by_mean_logit(operands, c.stream));
    std::list<Filter> filters;
    filters.emplace_back(kTileExponent, true, shape);
    for (int exponent = kFirstExponent; exponent <= kLastExponent; ++exponent)
        filters.emplace_back(exponent, false, shape);

    const Buffer<float> embeddings(std::vector<float>(static_cast<size_t>(shape.tokens * shape.hidden)));
    Squares of_classifier;
    dense.for_each_chunk([&](const DenseChunk &chunk) {
        dense.write_dz(chunk);
        dense.add_embeddings(chunk, embeddings);
        of_classifier.add(squares(c.data.dtype, head.classifier_gradient(), dense.order() + chunk.first,
                                  dense.classifier(chunk), chunk.classes, shape.hidden, c.stream));
        for (Filter &filter : filters) drop(c, dense, chunk, shape.hidden, &filter);
    });
    const Squares of_embeddings = squares(c.data.dtype, head.embeddings_gradient(), nullptr, embeddings.data(),
                                          shape.tokens, shape.hidden, c.stream);

    for (Filter &filter : filters) finish(c, shape, of_embeddings.reference, of_classifier.reference, &filter);
    const FilterError &tiles = filters.front().error;
    const auto enough = std::find_if(std::next(filters.begin()), filters.end(), [&](const Filter &filter) {
        return filter.error.embeddings <= tiles.embeddings && filter.error.classifier <= tiles.classifier;
    });
    c.report.note(c.text("the largest eps of entries with no error above that of tiles at 2^-12: " +
                         (enough == filters.end() ? "none that was tried" : enough->text())));
    note_filter_report(c, format("filter auto on the first %lld tokens", static_cast<long long>(shape.tokens)), head);

    // libcce's errors include the rounding of its gradients to 16 bits; the tile filter's do not.
    c.report.add(Check{c.text("filter auto: error of dE, limit: that of tiles at 2^-12"), of_embeddings.error(),
                       tiles.embeddings});
    c.report.add(Check{c.text("filter auto: error of dC, limit: that of tiles at 2^-12"), of_classifier.error(),
                       tiles.classifier});
}

}  // namespace cce::benchmark
