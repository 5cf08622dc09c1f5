#include "report/table.h"
#include "sections/backward.h"
#include "targets.h"

namespace cce::benchmark {
namespace {

void measure_model(const Model &model, const Options &options, const Cublas &cublas, const Stream &stream,
                   Report &report) {
    const Shape shape = {kModelTokens, model.classes, model.hidden};
    const std::string &dtype = options.dtypes[0];
    const Workload data = make_workload(kGemmaLike, shape, dtype_of(dtype), options.seed, cublas, stream);
    const LogitsProduct product(cublas, shape, data.dtype, data.embeddings.data(), data.classifier.data());
    const std::string softcap = model.softcap > 0 ? format(", softcap %g", model.softcap) : "";
    const Case c = {options, report, cublas, stream, data, product, {shape.text(), model.name + softcap, dtype}};

    Variant of_filtered = filtered_variant();
    Variant of_exact = exact_variant();
    of_filtered.softcap = of_exact.softcap = model.softcap;
    const Head filtered = c.head(c.operands(), of_filtered);
    const Head exact = c.head(c.operands(), of_exact);
    const std::vector<Measurement> measured =
        beside_product(c, {both_passes_of(filtered, "forward and backward, filter auto"),
                           both_passes_of(exact, "forward and backward, exact", kExactProducts)});
    report.add(Target{c.text(measured[0].what), "G", measured[0].by_g, kModelFiltered.must, kModelFiltered.aim});
    report.add(Target{c.text(measured[1].what), "G", measured[1].by_g, kModelExact.must, kModelExact.aim});
    filtered.fresh_gradients(stream);
    note_filter_report(c, measured[0].what, filtered);
}

}  // namespace

void measure_models(const Options &options, const Cublas &cublas, const Stream &stream, Report &report) {
    for (const Model &model : kModels) measure_model(model, options, cublas, stream, report);
}

}  // namespace cce::benchmark
