#include "report/report.h"

#include <algorithm>
#include <cstdio>

#include "report/table.h"

namespace cce::benchmark {
namespace {

double teraflops(const Measurement &m) { return m.flops / m.milliseconds.median / 1e9; }

std::string megabytes(int64_t bytes) { return bytes < 0 ? "" : format("%.3f", static_cast<double>(bytes) / 1e6); }

Json &write(Json &json, const Label &label) {
    return json.member("shape", label.shape).member("workload", label.workload).member("dtype", label.dtype);
}

Json &write(Json &json, const GradientErrors &errors) {
    return json.member("embeddings", errors.embeddings).member("classifier", errors.classifier);
}

void write(Json &json, const Measurement &m) {
    write(json.begin_object(), m.label).member("what", m.what);
    json.member("median_ms", m.milliseconds.median).member("min_ms", m.milliseconds.min);
    json.member("spread", m.milliseconds.spread);
    json.key("samples_ms").begin_array();
    for (const double sample : m.milliseconds.samples) json.value(sample);
    json.end_array();
    if (m.by_g > 0) json.member("by_g", m.by_g);
    if (m.flops > 0) json.member("tflops", teraflops(m));
    if (m.bytes >= 0) json.member("bytes_beyond_inputs", m.bytes);
    json.end_object();
}

void write(Json &json, const FilterError &e) {
    write(json.begin_object(), e.label).member("filter", e.filter);
    write(json, e.plain).member("kept_per_row", e.kept_per_row).member("dropped_mass", e.dropped_mass);
    if (e.tail) {
        write(json.key("guessed_tail").begin_object(), e.tail->guessed).end_object();
        write(json.key("summed_tail").begin_object(), e.tail->summed).end_object();
    }
    json.end_object();
}

std::vector<std::string> row_of(const FilterError &e) {
    std::vector<std::string> row = {e.label.text(), e.filter};
    const auto add = [&row](double error) { row.push_back(format("%.5f", error)); };
    const auto add_errors = [&](const GradientErrors &errors) {
        add(errors.embeddings);
        add(errors.classifier);
    };
    add_errors(e.plain);
    if (e.tail) {
        add_errors(e.tail->guessed);
        add_errors(e.tail->summed);
    } else {
        row.resize(row.size() + 4);
    }
    row.push_back(format("%.1f", e.kept_per_row));
    add(e.dropped_mass);
    return row;
}

}  // namespace

void Report::add(const Label &label, const Sparsity &sparsity) {
    fprintf(stderr, "%s: %.4f %% of the softmax above 2^-12\n", label.text().c_str(), sparsity.above_percent);
    data_.push_back({label, sparsity});
}

void Report::add(Measurement m) {
    fprintf(stderr, "%s: %s %.3f ms%s\n", m.label.text().c_str(), m.what.c_str(), m.milliseconds.median,
            m.by_g > 0 ? format(", %.3f G", m.by_g).c_str() : "");
    measurements_.push_back(std::move(m));
}

void Report::add(FilterError e) {
    fprintf(stderr, "%s: %s: error of dE %.5f, of dC %.5f\n", e.label.text().c_str(), e.filter.c_str(),
            e.plain.embeddings, e.plain.classifier);
    filter_errors_.push_back(std::move(e));
}

void Report::add(Target target) { targets_.push_back(std::move(target)); }

void Report::add(Check check) {
    fprintf(stderr, "%s: %s (%.3g, limit %.3g)\n", check.passed() ? "passed" : "FAILED", check.what.c_str(),
            check.measured, check.limit);
    checks_.push_back(std::move(check));
}

void Report::note(const std::string &text) {
    fprintf(stderr, "note: %s\n", text.c_str());
    notes_.push_back(text);
}

bool Report::all_passed() const {
    return std::all_of(checks_.begin(), checks_.end(), [](const Check &check) { return check.passed(); });
}

bool Report::all_met() const {
    return std::all_of(targets_.begin(), targets_.end(), [](const Target &target) { return target.met(); });
}

std::string Report::tables(bool markdown) const {
    std::string text = format(
        "%s, driver %s, CUDA %s, cuBLAS %s; libcce %s, commit %s; copy bandwidth %.0f GB/s. Seed %llu. Medians of %d "
        "rounds, turn by turn; G is cuBLAS's product of the same shape and dtype; MB of 10^6 bytes beyond the "
        "inputs: state, workspace, gradients.\n\n",
        machine_.gpu.c_str(), machine_.driver.c_str(), machine_.cuda.c_str(), machine_.cublas.c_str(),
        machine_.cce.c_str(), machine_.commit.c_str(), machine_.copy_bytes_per_second / 1e9,
        static_cast<unsigned long long>(seed_), rounds_);

    Table data({"data", "above 2^-12 %", "a row", "mass above", "live tiles %", "live row segments %"});
    for (const Data &d : data_)
        data.add({d.label.text(), format("%.4f", d.sparsity.above_percent), format("%.1f", d.sparsity.above_per_row),
                  format("%.4f", d.sparsity.mass_above), format("%.2f", d.sparsity.live_tiles_percent),
                  format("%.3f", d.sparsity.live_segments_percent)});
    Table times({"data", "what", "ms", "min", "spread %", "G", "TFLOP/s", "MB"});
    for (const Measurement &m : measurements_)
        times.add({m.label.text(), m.what, format("%.3f", m.milliseconds.median), format("%.3f", m.milliseconds.min),
                   format("%.1f", 100 * m.milliseconds.spread), m.by_g > 0 ? format("%.3f", m.by_g) : "",
                   m.flops > 0 ? format("%.0f", teraflops(m)) : "", megabytes(m.bytes)});
    Table filters({"data", "filter", "dE error", "dC error", "dE, tail", "dC, tail", "dE, summed tail",
                   "dC, summed tail", "kept a row", "dropped mass"});
    for (const FilterError &e : filter_errors_) filters.add(row_of(e));
    Table targets({"wanted", "unit", "measured", "must", "aim", ""});
    for (const Target &t : targets_)
        targets.add({t.what, t.unit, format("%.3f", t.measured), format("%.2f", t.must),
                     t.aim > 0 ? format("%.2f", t.aim) : "",
                     !t.met() ? "missed" : t.aim > 0 && t.measured > t.aim ? "met" : t.aim > 0 ? "aim met" : "met"});
    Table checks({"check", "measured", "limit", ""});
    for (const Check &c : checks_)
        checks.add({c.what, format("%.3g", c.measured), format("%.3g", c.limit), c.passed() ? "passed" : "FAILED"});

    for (const Table *table : {&data, &times, &filters, &targets, &checks}) text += table->text(markdown) + '\n';
    for (const std::string &note : notes_) text += "Note: " + note + '\n';
    return text;
}

std::string Report::json() const {
    Json json;
    json.begin_object().key("machine").begin_object();
    json.member("gpu", machine_.gpu).member("driver", machine_.driver).member("cuda", machine_.cuda);
    json.member("cublas", machine_.cublas).member("cce", machine_.cce).member("commit", machine_.commit);
    json.member("copy_bytes_per_second", machine_.copy_bytes_per_second).end_object();
    json.member("seed", std::to_string(seed_)).member("rounds", static_cast<int64_t>(rounds_));
    json.key("data").begin_array();
    for (const Data &d : data_) {
        write(json.begin_object(), d.label).member("above_percent", d.sparsity.above_percent);
        json.member("above_per_row", d.sparsity.above_per_row).member("mass_above", d.sparsity.mass_above);
        json.member("live_tiles_percent", d.sparsity.live_tiles_percent);
        json.member("live_row_segments_percent", d.sparsity.live_segments_percent).end_object();
    }
    json.end_array().key("measurements").begin_array();
    for (const Measurement &m : measurements_) write(json, m);
    json.end_array().key("filter_errors").begin_array();
    for (const FilterError &e : filter_errors_) write(json, e);
    json.end_array().key("targets").begin_array();
    for (const Target &t : targets_) {
        json.begin_object().member("what", t.what).member("unit", t.unit).member("measured", t.measured);
        json.member("must", t.must).member("aim", t.aim).member("met", t.met()).end_object();
    }
    json.end_array().key("checks").begin_array();
    for (const Check &c : checks_) {
        json.begin_object().member("what", c.what).member("measured", c.measured).member("limit", c.limit);
        json.member("passed", c.passed()).end_object();
    }
    json.end_array().key("notes").begin_array();
    for (const std::string &note : notes_) json.value(note);
    json.end_array().end_object();
    return json.text() + '\n';
}

}  // namespace cce::benchmark
