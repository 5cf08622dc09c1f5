// Checks the CPU backend against a float64 reference: random shapes and options, every kernel family that this
// processor has, bits that do not depend on the number of threads, and writes that stay inside their buffers.
//
// cpu_kernels_test [seed [cases]]    exits with 1 if anything is wrong
#include <sys/wait.h>
#include <unistd.h>

#include <cinttypes>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <limits>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "cce.h"

namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();
constexpr int32_t kAllGradients = CCE_GRADIENT_EMBEDDINGS | CCE_GRADIENT_CLASSIFIER | CCE_GRADIENT_BIAS;

std::mt19937_64 generator;
int64_t checks = 0;
int64_t failures = 0;
std::string current;

void check(bool good, const char *what, double got = 0, double expected = 0) {
    ++checks;
    if (good) return;
    if (++failures > 30) return;
    printf("FAILED %s: got %.9g, expected %.9g\n    in %s\n", what, got, expected, current.c_str());
}

int64_t whole(int64_t least, int64_t most) { return std::uniform_int_distribution<int64_t>(least, most)(generator); }
double real(double least, double most) { return std::uniform_real_distribution<double>(least, most)(generator); }
double normal() { return std::normal_distribution<double>()(generator); }
bool chance(double p) { return real(0, 1) < p; }
template <typename T>
T one_of(std::initializer_list<T> values) { return values.begin()[whole(0, static_cast<int64_t>(values.size()) - 1)]; }

int64_t dtype_bytes(int32_t dtype) { return dtype == CCE_I64 ? 8 : dtype == CCE_F32 || dtype == CCE_I32 ? 4 : 2; }

// ---- the 16-bit formats, by their definition ----

double decode(uint16_t bits, int32_t dtype) {
    const int exponent_bits = dtype == CCE_F16 ? 5 : 8, mantissa_bits = 15 - exponent_bits;
    const int bias = (1 << (exponent_bits - 1)) - 1;
    const int exponent = (bits & 0x7fff) >> mantissa_bits, mantissa = bits & ((1 << mantissa_bits) - 1);
    const double sign = bits & 0x8000 ? -1.0 : 1.0;
    if (exponent == (1 << exponent_bits) - 1) return mantissa ? std::nan("") : sign * kInfinity;
    if (exponent == 0) return sign * std::ldexp(mantissa, 1 - bias - mantissa_bits);
    return sign * std::ldexp(mantissa + (1 << mantissa_bits), exponent - bias - mantissa_bits);
}

uint16_t encode(double value, int32_t dtype) {
    const int exponent_bits = dtype == CCE_F16 ? 5 : 8, mantissa_bits = 15 - exponent_bits;
    const int bias = (1 << (exponent_bits - 1)) - 1;
    const uint16_t sign = std::signbit(value) ? 0x8000 : 0;
    const uint16_t infinity = static_cast<uint16_t>(((1 << exponent_bits) - 1) << mantissa_bits);
    if (std::isnan(value)) return infinity | (1 << (mantissa_bits - 1));
    const double magnitude = std::fabs(value);
    if (magnitude == 0) return sign;
    int exponent = std::isinf(magnitude) ? 2000 : std::ilogb(magnitude);
    if (exponent < 1 - bias) exponent = 1 - bias;
    if (exponent > bias) return sign | infinity;
    const double steps = std::nearbyint(std::ldexp(magnitude, mantissa_bits - exponent));  // to nearest even
    const int64_t bits = static_cast<int64_t>(steps) + (static_cast<int64_t>(exponent + bias - 1) << mantissa_bits);
    return sign | static_cast<uint16_t>(bits > infinity ? infinity : bits);
}

// ---- buffers ----

// Memory with guards at both ends, poisoned first.
class Buffer {
public:
    explicit Buffer(int64_t bytes = 0) { resize(bytes); }
    void resize(int64_t bytes) {
        bytes_ = bytes;
        memory_.resize(bytes + 2 * kGuard + 256);
        data_ = reinterpret_cast<char *>((reinterpret_cast<uintptr_t>(memory_.data()) + kGuard + 255) / 256 * 256);
        memset(data_ - kGuard, kPattern, bytes + 2 * kGuard);
    }
    void *data() { return data_; }
    const void *data() const { return data_; }
    int64_t bytes() const { return bytes_; }
    template <typename T>
    T *as() { return reinterpret_cast<T *>(data_); }
    template <typename T>
    const T *as() const { return reinterpret_cast<const T *>(data_); }
    bool intact() const {
        for (int64_t i = 0; i < kGuard; ++i)
            if (data_[-1 - i] != kPattern || data_[bytes_ + i] != kPattern) return false;
        return true;
    }

private:
    static constexpr int64_t kGuard = 256;
    static constexpr char kPattern = 0x5b;
    std::vector<char> memory_;
    char *data_ = nullptr;
    int64_t bytes_ = 0;
};

// An array of float32, float16 or bfloat16.
struct Array {
    int32_t dtype = CCE_F32;
    int64_t count = 0;
    Buffer buffer;

    void resize(int64_t n, int32_t type) {
        dtype = type;
        count = n;
        buffer.resize(n * dtype_bytes(type));
    }
    double get(int64_t i) const {
        return dtype == CCE_F32 ? buffer.as<float>()[i] : decode(buffer.as<uint16_t>()[i], dtype);
    }
    void set(int64_t i, double value) {
        if (dtype == CCE_F32)
            buffer.as<float>()[i] = static_cast<float>(value);
        else
            buffer.as<uint16_t>()[i] = encode(value, dtype);
    }
    std::vector<double> values() const {
        std::vector<double> v(count);
        for (int64_t i = 0; i < count; ++i) v[i] = get(i);
        return v;
    }
};

// ---- a case and its reference ----

struct Case {
    cce_problem spec = {};
    bool has_bias = false, has_class_weights = false, has_token_weights = false;
    bool has_grad_loss = false, has_grad_lse = false;
    Array embeddings, classifier, bias, class_weights, token_weights, grad_loss, grad_lse;
    std::vector<int64_t> targets;
    Buffer target_buffer;

    cce_inputs inputs() {
        cce_inputs in = {};
        in.struct_size = sizeof in;
        in.embeddings = embeddings.buffer.data();
        in.classifier = classifier.buffer.data();
        in.bias = has_bias ? bias.buffer.data() : nullptr;
        in.targets = target_buffer.data();
        in.class_weights = has_class_weights ? class_weights.buffer.data() : nullptr;
        in.token_weights = has_token_weights ? token_weights.buffer.data() : nullptr;
        return in;
    }

    void store_targets() {
        target_buffer.resize(static_cast<int64_t>(targets.size()) * dtype_bytes(spec.target_dtype));
        for (size_t i = 0; i < targets.size(); ++i)
            if (spec.target_dtype == CCE_I32)
                target_buffer.as<int32_t>()[i] = static_cast<int32_t>(targets[i]);
            else
                target_buffer.as<int64_t>()[i] = targets[i];
    }

    int64_t tokens() const { return spec.batch * spec.time; }
    int64_t rows() const { return spec.batch * (spec.time - spec.shift); }
    int64_t token_of(int64_t row) const {
        const int64_t row_time = spec.time - spec.shift;
        return row / row_time * spec.time + row % row_time;
    }
    int64_t target_of(int64_t row) const { return token_of(row) + spec.shift; }
    int64_t target(int64_t row) const { return targets[target_of(row)]; }
    bool ignored(int64_t row) const {
        const int64_t y = target(row);
        return y == spec.ignore_index || y < 0 || y >= spec.classes;
    }
};

void randomize(Array *array, int64_t count, int32_t dtype, double scale, bool positive = false) {
    array->resize(count, dtype);
    for (int64_t i = 0; i < count; ++i) array->set(i, positive ? real(0.2, 2.0) : scale * normal());
}

Case random_case() {
    Case c;
    cce_problem &s = c.spec;
    s.struct_size = sizeof s;
    const int kind = static_cast<int>(whole(0, 9));
    s.batch = kind == 5 ? whole(0, 1) : whole(1, 4);
    s.time = kind == 0 ? whole(200, 400) : whole(1, 60);
    s.classes = kind == 1 ? whole(1600, 7000) : kind == 2 ? 1 : whole(2, 400);
    s.hidden = kind == 3 ? 1 : kind == 4 ? whole(500, 700) : whole(1, 140);
    s.shift = chance(0.4) ? whole(0, s.time < 3 ? s.time : 3) : 0;
    s.ignore_index = one_of<int64_t>({-100, -100, 0, -1});
    s.softcap = chance(0.4) ? real(0.5, 30) : 0;
    s.temperature = chance(0.4) ? real(0.5, 3) : 1;
    s.label_smoothing = chance(0.4) ? real(0.01, 1) : 0;
    s.z_loss = chance(0.4) ? real(1e-4, 0.1) : 0;
    s.dtype = one_of<int32_t>({CCE_F32, CCE_F32, CCE_F16, CCE_BF16});
    s.bias_dtype = chance(0.5) ? s.dtype : CCE_F32;
    s.target_dtype = one_of<int32_t>({CCE_I32, CCE_I64});
    s.reduction = one_of<int32_t>({CCE_REDUCTION_NONE, CCE_REDUCTION_MEAN, CCE_REDUCTION_SUM});
    s.device = CCE_CPU;
    s.filter_embeddings = chance(0.5) ? 0.0 : std::pow(10, real(-4, -1));
    s.filter_classifier = chance(0.5) ? s.filter_embeddings : chance(0.5) ? 0.0 : std::pow(10, real(-4, -1));
    s.max_dropped_mass = chance(0.3) ? real(0.001, 0.5) : 0;
    c.has_bias = chance(0.5);
    c.has_class_weights = chance(0.4);
    c.has_token_weights = chance(0.4);
    c.has_grad_loss = chance(0.5);
    c.has_grad_lse = chance(0.3);
    s.gradients = static_cast<int32_t>(whole(1, 7));
    if (!c.has_bias) s.gradients &= ~CCE_GRADIENT_BIAS;
    if (s.gradients == 0) s.gradients = kAllGradients & ~(c.has_bias ? 0 : CCE_GRADIENT_BIAS);

    const int64_t tokens = c.tokens();
    const double spread = real(0.3, 3) / std::sqrt(static_cast<double>(s.hidden));
    randomize(&c.embeddings, tokens * s.hidden, s.dtype, 1.0);
    randomize(&c.classifier, s.classes * s.hidden, s.dtype, spread);
    randomize(&c.bias, s.classes, s.bias_dtype, 0.5);
    randomize(&c.class_weights, s.classes, CCE_F32, 1, true);
    randomize(&c.token_weights, tokens, CCE_F32, 1, true);
    randomize(&c.grad_loss, s.reduction == CCE_REDUCTION_NONE ? c.rows() : 1, CCE_F32, 1.0);
    randomize(&c.grad_lse, c.rows(), CCE_F32, 0.3);
    c.targets.resize(tokens);
    const double ignored = one_of<double>({0, 0.3, 0.9, 1});
    for (int64_t &y : c.targets) y = chance(ignored * ignored) ? s.ignore_index : whole(0, s.classes - 1);
    c.store_targets();
    return c;
}

std::string describe(const Case &c) {
    const cce_problem &s = c.spec;
    char text[512];
    snprintf(text, sizeof text,
             "B=%" PRId64 " T=%" PRId64 " V=%" PRId64 " D=%" PRId64 " shift=%" PRId64
             " softcap=%g temperature=%g smoothing=%g z_loss=%g filters=%g,%g limit=%g dtype=%d bias=%d/%d "
             "weights=%d,%d reduction=%d gradients=%d grad_loss=%d grad_lse=%d",
             s.batch, s.time, s.classes, s.hidden, s.shift, s.softcap, s.temperature, s.label_smoothing, s.z_loss,
             s.filter_embeddings, s.filter_classifier, s.max_dropped_mass, s.dtype, c.has_bias, s.bias_dtype,
             c.has_class_weights, c.has_token_weights, s.reduction, s.gradients, c.has_grad_loss, c.has_grad_lse);
    return text;
}

struct Reference {
    std::vector<double> loss, lse, target_logit, entropy, de, dc, db;
    std::vector<double> de_size, dc_size, db_size;  // the sums of the magnitudes of the gradients' terms
    std::vector<double> logits;  // (R, V)
    std::vector<int64_t> argmax;
    double report[CCE_REPORT_LENGTH] = {};
    bool borderline = false;  // an entry or a mean so near to its limit that rounding decides
};

Reference compute(const Case &c) {
    const cce_problem &s = c.spec;
    const int64_t rows = c.rows(), classes = s.classes, hidden = s.hidden;
    const std::vector<double> e = c.embeddings.values(), w = c.classifier.values();
    Reference r;
    r.lse.assign(rows, 0);
    r.target_logit.assign(rows, 0);
    r.entropy.assign(rows, 0);
    r.argmax.assign(rows, -1);
    std::vector<double> losses(rows, 0), slope(rows * classes);
    std::vector<double> &z = r.logits;
    z.resize(rows * classes);
    double weight_sum = 0, divisor = 0, total = 0;
    int64_t valid = 0;
    const auto class_weight = [&](int64_t j) { return c.has_class_weights ? c.class_weights.get(j) : 1.0; };
    const auto token_weight = [&](int64_t row) {
        return c.has_token_weights ? c.token_weights.get(c.target_of(row)) : 1.0;
    };
    for (int64_t j = 0; j < classes; ++j) weight_sum += class_weight(j);
    for (int64_t row = 0; row < rows; ++row) {
        if (c.ignored(row)) continue;
        ++valid;
        const int64_t y = c.target(row);
        double *logits = &z[row * classes];
        double highest = -kInfinity;
        for (int64_t j = 0; j < classes; ++j) {
            double u = c.has_bias ? c.bias.get(j) : 0.0;
            for (int64_t d = 0; d < hidden; ++d) u += e[c.token_of(row) * hidden + d] * w[j * hidden + d];
            const double t = s.softcap > 0 ? std::tanh(u / s.softcap) : 0.0;
            logits[j] = (s.softcap > 0 ? s.softcap * t : u) / s.temperature;
            slope[row * classes + j] = (1 - t * t) / s.temperature;
            if (logits[j] > highest) {
                highest = logits[j];
                r.argmax[row] = j;
            }
        }
        double sum = 0, mean = 0, smooth = 0;
        for (int64_t j = 0; j < classes; ++j) sum += std::exp(logits[j] - highest);
        const double lse = highest + std::log(sum);
        for (int64_t j = 0; j < classes; ++j) {
            mean += std::exp(logits[j] - lse) * logits[j];
            smooth += class_weight(j) * (lse - logits[j]);
        }
        r.lse[row] = lse;
        r.target_logit[row] = logits[y];
        r.entropy[row] = lse - mean;
        const double hard = class_weight(y) * (lse - logits[y]);
        const double ce = (1 - s.label_smoothing) * hard + s.label_smoothing / classes * smooth;
        losses[row] = token_weight(row) * (ce + s.z_loss * lse * lse);
        divisor += token_weight(row) * class_weight(y);
        total += losses[row];
    }
    if (s.reduction != CCE_REDUCTION_MEAN) divisor = 1;
    if (s.reduction == CCE_REDUCTION_NONE)
        r.loss = losses;
    else
        r.loss = {divisor == 0 ? 0 : total / divisor};

    const double filters[2] = {c.spec.filter_embeddings, c.spec.filter_classifier};
    const bool wanted[2] = {(s.gradients & CCE_GRADIENT_EMBEDDINGS) != 0,
                            (s.gradients & (CCE_GRADIENT_CLASSIFIER | CCE_GRADIENT_BIAS)) != 0};
    double eps[2] = {filters[0], filters[1]};
    for (int side = 0; side < 2; ++side) {
        if (!wanted[side]) continue;
        double sum = 0, worst = 0;
        for (int64_t row = 0; row < rows; ++row) {
            if (c.ignored(row)) continue;
            double mass = 0;
            for (int64_t j = 0; j < classes; ++j) {
                const double p = std::exp(z[row * classes + j] - r.lse[row]);
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
        g = divisor == 0 ? 0 : g / divisor * token_weight(row);
        const double glse = c.has_grad_lse ? c.grad_lse.get(row) : 0.0;
        const int64_t y = c.target(row), token = c.token_of(row);
        for (int64_t j = 0; j < classes; ++j) {
            const double p = std::exp(z[row * classes + j] - r.lse[row]);
            double dz[2], size[2];
            for (int side = 0; side < 2; ++side) {
                const double kept = p < eps[side] && j != y ? 0 : p;
                const double a = s.label_smoothing;
                const double of_softmax =
                    g * ((1 - a) * class_weight(y) + a / classes * weight_sum + 2 * s.z_loss * r.lse[row]) + glse;
                const double of_label = g * ((1 - a) * class_weight(y) * (j == y) + a / classes * class_weight(j));
                dz[side] = (of_softmax * kept - of_label) * slope[row * classes + j];
                size[side] = (std::fabs(of_softmax * kept) + std::fabs(of_label)) * slope[row * classes + j];
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

// ---- running a case ----

struct Results {
    Array loss, lse, target_logit, entropy, de, dc, db, report;
    Buffer argmax;
    int32_t forward_status = CCE_OK, backward_status = CCE_OK;
};

struct RunOptions {
    int32_t threads = 1;
    int32_t accumulate = 0;
    bool float_gradients = false;
};

int64_t state_bytes(const Case &c) {
    int64_t bytes = 0;
    check(cce_state_bytes(&c.spec, &bytes) == CCE_OK, "cce_state_bytes");
    return bytes;
}

int64_t workspace_bytes(const Case &c, int32_t passes) {
    int64_t bytes = 0;
    check(cce_workspace_bytes(&c.spec, passes, &bytes) == CCE_OK, "cce_workspace_bytes");
    return bytes;
}

Results run(Case *c, const RunOptions &options) {
    const cce_inputs in = c->inputs();
    Results r;
    r.loss.resize(c->spec.reduction == CCE_REDUCTION_NONE ? c->rows() : 1, CCE_F32);
    r.lse.resize(c->rows(), CCE_F32);
    r.target_logit.resize(c->rows(), CCE_F32);
    r.entropy.resize(c->rows(), CCE_F32);
    r.argmax.resize(c->rows() * 8);
    r.report.resize(CCE_REPORT_LENGTH, CCE_F32);
    const int32_t dtype = options.float_gradients ? CCE_F32 : c->spec.dtype;
    r.de.resize(c->tokens() * c->spec.hidden, dtype);
    r.dc.resize(c->spec.classes * c->spec.hidden, dtype);
    r.db.resize(c->spec.classes, options.float_gradients ? CCE_F32 : c->spec.bias_dtype);
    for (Array *a : {&r.de, &r.dc, &r.db})
        for (int64_t i = 0; i < a->count; ++i) a->set(i, options.accumulate ? 0.25 * (i % 5) : std::nan(""));

    Buffer state(state_bytes(*c));
    cce_cpu_set_threads(options.threads);
    Buffer workspace(workspace_bytes(*c, CCE_PASS_FORWARD));
    cce_outputs out = {};
    out.struct_size = sizeof out;
    out.loss = r.loss.buffer.data();
    out.lse = r.lse.buffer.data();
    out.target_logit = r.target_logit.buffer.data();
    out.argmax = r.argmax.data();
    out.entropy = r.entropy.buffer.data();
    r.forward_status = cce_forward(&c->spec, &in, &out, state.data(), state.bytes(), workspace.data(),
                                   workspace.bytes(), nullptr);
    check(workspace.intact(), "guards of the forward workspace");

    workspace.resize(workspace_bytes(*c, CCE_PASS_BACKWARD));
    cce_gradients grad = {};
    grad.struct_size = sizeof grad;
    grad.grad_loss = c->has_grad_loss ? c->grad_loss.buffer.data() : nullptr;
    grad.grad_lse = c->has_grad_lse ? c->grad_lse.buffer.data() : nullptr;
    grad.embeddings = c->spec.gradients & CCE_GRADIENT_EMBEDDINGS ? r.de.buffer.data() : nullptr;
    grad.classifier = c->spec.gradients & CCE_GRADIENT_CLASSIFIER ? r.dc.buffer.data() : nullptr;
    grad.bias = c->spec.gradients & CCE_GRADIENT_BIAS ? r.db.buffer.data() : nullptr;
    grad.filter_report = r.report.buffer.data();
    grad.embeddings_dtype = r.de.dtype;
    grad.classifier_dtype = r.dc.dtype;
    grad.bias_dtype = r.db.dtype;
    grad.accumulate = options.accumulate;
    r.backward_status = cce_backward(&c->spec, &in, &grad, state.data(), state.bytes(), workspace.data(),
                                     workspace.bytes(), nullptr);
    check(workspace.intact(), "guards of the backward workspace");
    check(state.intact(), "guards of the state");
    for (const Array *a : {&r.loss, &r.lse, &r.target_logit, &r.entropy, &r.de, &r.dc, &r.db, &r.report})
        check(a->buffer.intact(), "guards of an output");
    check(r.argmax.intact(), "guards of argmax");
    return r;
}

void compare_each(const char *what, const Array &got, const std::vector<double> &expected, double tolerance) {
    for (int64_t i = 0; i < got.count; ++i) {
        const bool close = std::fabs(got.get(i) - expected[i]) <= tolerance * (1 + std::fabs(expected[i]));
        check(close || (std::isnan(got.get(i)) && std::isnan(expected[i])), what, got.get(i), expected[i]);
    }
}

// Relative in the norm. Of terms that cancel to almost nothing (all of them with V = 1) float32 leaves its rounding:
// `sizes` are the sums of their magnitudes.
void compare_norm(const char *what, const Array &got, const std::vector<double> &expected, double tolerance,
                  const std::vector<double> &sizes) {
    constexpr double kCancellation = 2e-6;
    double difference = 0, norm = 0, size = 0;
    for (int64_t i = 0; i < got.count; ++i) {
        difference += std::pow(got.get(i) - expected[i], 2);
        norm += expected[i] * expected[i];
        size += sizes[i] * sizes[i];
    }
    const double allowed = std::max(tolerance * std::sqrt(norm), kCancellation * std::sqrt(size));
    check(std::sqrt(difference) <= allowed, what, std::sqrt(difference), std::sqrt(norm));
}

// float32 may find two logits equal, or in another order, that float64 tells apart: after a softcap above all.
void compare_argmax(const Case &c, const Reference &expected, int64_t row, int64_t got) {
    const int64_t best = expected.argmax[row];
    bool good = got == best;
    if (!good && best >= 0 && got >= 0 && got < c.spec.classes) {
        const double *logits = &expected.logits[row * c.spec.classes];
        good = logits[got] >= logits[best] - 2e-6 * (1 + std::fabs(logits[best]));
    }
    check(good, "argmax", static_cast<double>(got), static_cast<double>(best));
}

void compare(const Case &c, const Results &r, const Reference &expected, const RunOptions &options) {
    check(r.forward_status == CCE_OK, "forward's status", r.forward_status);
    check(r.backward_status == CCE_OK, "backward's status", r.backward_status);
    double largest = 0;
    for (double loss : expected.loss) largest = std::max(largest, std::fabs(loss));
    compare_each("loss", r.loss, expected.loss, 1e-5);
    compare_each("lse", r.lse, expected.lse, 2e-6);
    compare_each("target_logit", r.target_logit, expected.target_logit, 4e-6);
    compare_each("entropy", r.entropy, expected.entropy, 1e-5);
    for (int64_t i = 0; i < c.rows(); ++i)
        compare_argmax(c, expected, i, r.argmax.as<int64_t>()[i]);
    if (expected.borderline) return;
    const std::vector<double> report(expected.report, expected.report + CCE_REPORT_LENGTH);
    compare_each("filter report", r.report, report, 1e-5);
    const auto one = [&](const char *what, int32_t mask, const Array &got, std::vector<double> values,
                         const std::vector<double> &sizes) {
        if ((c.spec.gradients & mask) == 0) return;
        const double rounding = got.dtype == CCE_F16 ? 1.5e-3 : got.dtype == CCE_BF16 ? 6e-3 : 1e-5;
        if (options.accumulate & mask)
            for (int64_t i = 0; i < got.count; ++i) {
                Array before;
                before.resize(1, got.dtype);
                before.set(0, 0.25 * (i % 5));
                values[i] += before.get(0);
            }
        compare_norm(what, got, values, rounding, sizes);
    };
    one("dE", CCE_GRADIENT_EMBEDDINGS, r.de, expected.de, expected.de_size);
    one("dC", CCE_GRADIENT_CLASSIFIER, r.dc, expected.dc, expected.dc_size);
    one("db", CCE_GRADIENT_BIAS, r.db, expected.db, expected.db_size);
}

bool same(const Buffer &x, const Buffer &y) {
    return x.bytes() == y.bytes() && memcmp(x.data(), y.data(), x.bytes()) == 0;
}

bool same_bits(const Results &a, const Results &b) {
    return same(a.loss.buffer, b.loss.buffer) && same(a.lse.buffer, b.lse.buffer) && same(a.argmax, b.argmax) &&
           same(a.target_logit.buffer, b.target_logit.buffer) && same(a.entropy.buffer, b.entropy.buffer) &&
           same(a.de.buffer, b.de.buffer) && same(a.dc.buffer, b.dc.buffer) && same(a.db.buffer, b.db.buffer) &&
           same(a.report.buffer, b.report.buffer);
}

// ---- tests ----

void test_random_case() {
    Case c = random_case();
    current = describe(c);
    const Reference expected = compute(c);
    RunOptions options;
    options.float_gradients = chance(0.5);
    options.accumulate = chance(0.3) ? static_cast<int32_t>(whole(1, 7)) : 0;
    // Overwritten outputs start as NaN, accumulated ones do not: one fill serves all masks or none.
    if (options.accumulate) options.accumulate = kAllGradients;
    const Results once = run(&c, options);
    compare(c, once, expected, options);
    options.threads = static_cast<int32_t>(whole(2, 7));
    check(same_bits(once, run(&c, options)), "the same bits with more threads");
}

void test_primitives() {
    Case c = random_case();
    current = "primitives of " + describe(c);
    const cce_problem *p = &c.spec;
    cce_inputs in = c.inputs();
    const Results together = run(&c, {});
    cce_cpu_set_threads(2);
    Buffer w(workspace_bytes(c, CCE_PASS_FORWARD));
    Array logit, lse;
    logit.resize(c.rows(), CCE_F32);
    lse.resize(c.rows(), CCE_F32);
    check(cce_indexed_dot(p, &in, logit.buffer.data(), w.data(), w.bytes(), nullptr) == CCE_OK, "indexed_dot's status");
    for (int64_t row = 0; row < c.rows(); ++row)
        check(std::fabs(logit.get(row) - together.target_logit.get(row)) <= 4e-6 * (1 + std::fabs(logit.get(row))),
              "indexed_dot is forward's target logit", logit.get(row), together.target_logit.get(row));
    check(cce_log_sum_exp(p, &in, lse.buffer.data(), w.data(), w.bytes(), nullptr) == CCE_OK, "log_sum_exp's status");
    check(same(lse.buffer, together.lse.buffer), "log_sum_exp has forward's bits");

    // backward after make_state is backward after forward
    Buffer state(state_bytes(c)), backward(workspace_bytes(c, CCE_PASS_BACKWARD));
    check(cce_make_state(p, &in, lse.buffer.data(), state.data(), state.bytes(), w.data(), w.bytes(), nullptr) ==
              CCE_OK,
          "make_state's status");
    int64_t valid = -1, expected = 0;
    check(cce_check(p, state.data(), state.bytes(), &valid, nullptr) == CCE_OK, "check's status");
    for (int64_t row = 0; row < c.rows(); ++row) expected += !c.ignored(row);
    check(valid == expected, "the number of valid positions", static_cast<double>(valid),
          static_cast<double>(expected));
    const bool classifier = (c.spec.gradients & CCE_GRADIENT_CLASSIFIER) != 0;
    Array gradient;
    gradient.resize(classifier ? together.dc.count : together.de.count, c.spec.dtype);
    cce_gradients grad = {};
    grad.struct_size = sizeof grad;
    grad.grad_loss = c.has_grad_loss ? c.grad_loss.buffer.data() : nullptr;
    grad.grad_lse = c.has_grad_lse ? c.grad_lse.buffer.data() : nullptr;
    (classifier ? grad.classifier : grad.embeddings) = gradient.buffer.data();
    grad.embeddings_dtype = grad.classifier_dtype = c.spec.dtype;
    if (c.spec.gradients & (CCE_GRADIENT_CLASSIFIER | CCE_GRADIENT_EMBEDDINGS)) {
        check(cce_backward(p, &in, &grad, state.data(), state.bytes(), backward.data(), backward.bytes(), nullptr) ==
                  CCE_OK,
              "backward's status");
        check(same(gradient.buffer, (classifier ? together.dc : together.de).buffer),
              "one gradient alone has the same bits");
        cce_problem other = c.spec;
        other.z_loss += 1;
        check(cce_backward(&other, &in, &grad, state.data(), state.bytes(), backward.data(), backward.bytes(),
                           nullptr) == CCE_ERROR_STATE,
              "another problem's state is refused");
    }
    in.targets = nullptr;
    check(cce_log_sum_exp(p, &in, lse.buffer.data(), w.data(), w.bytes(), nullptr) == CCE_OK,
          "log_sum_exp without targets");
    for (int64_t row = 0; row < c.rows(); ++row)
        if (!c.ignored(row)) check(lse.get(row) == together.lse.get(row), "lse without targets", lse.get(row));
    check(w.intact() && state.intact() && backward.intact(), "guards");
}

void test_bad_targets() {
    Case c = random_case();
    if (c.rows() == 0) return;
    c.spec.ignore_index = -100;
    const int64_t row = whole(0, c.rows() - 1);
    for (int64_t &y : c.targets) y = whole(0, c.spec.classes - 1);
    c.targets[c.target_of(row)] = one_of<int64_t>({c.spec.classes, -1, -99, 2147483647});
    c.store_targets();
    current = "bad target of " + describe(c);
    const Reference expected = compute(c);  // treats it as ignored
    const Results r = run(&c, {});
    check(r.forward_status == CCE_ERROR_TARGET, "forward reports the target", r.forward_status);
    check(r.backward_status == CCE_ERROR_TARGET, "backward reports the target", r.backward_status);
    char message[512];
    cce_last_error(message, sizeof message);
    const std::string value = std::to_string(c.targets[c.target_of(row)]);
    check(strstr(message, ("position " + std::to_string(row)).c_str()) != nullptr, "the message names the position");
    check(strstr(message, value.c_str()) != nullptr, "the message names the value");
    if (c.spec.reduction == CCE_REDUCTION_NONE) {
        for (int64_t i = 0; i < c.rows(); ++i)
            check(std::isnan(r.loss.get(i)) == (i == row), "the loss of the bad position alone is NaN", r.loss.get(i));
    } else {
        check(std::isnan(r.loss.get(0)), "the loss is NaN", r.loss.get(0));
    }
    compare_each("lse beside a bad target", r.lse, expected.lse, 2e-6);
    if (c.spec.gradients & CCE_GRADIENT_EMBEDDINGS && !expected.borderline)
        compare_norm("dE beside a bad target", r.de, expected.de, 6e-3, expected.de_size);
}

// NaN and infinities go where PyTorch lets them go.
void test_not_finite() {
    Case c = random_case();
    c.spec.softcap = 0;
    c.spec.label_smoothing = 0;
    c.spec.filter_embeddings = c.spec.filter_classifier = 0;
    c.spec.gradients = CCE_GRADIENT_EMBEDDINGS | CCE_GRADIENT_CLASSIFIER;
    c.spec.ignore_index = -100;
    c.spec.shift = 0;
    c.spec.bias_dtype = CCE_F32;
    c.spec.classes = whole(3, 300);
    randomize(&c.classifier, c.spec.classes * c.spec.hidden, c.spec.dtype, 0.3);
    randomize(&c.class_weights, c.spec.classes, CCE_F32, 1, true);
    randomize(&c.bias, c.spec.classes, CCE_F32, 1);
    c.has_bias = true;
    for (int64_t &y : c.targets) y = whole(1, c.spec.classes - 1);
    c.store_targets();
    c.bias.set(0, -kInfinity);  // a class that is masked out
    if (c.rows() == 0) return;
    const int64_t bad = whole(0, c.rows() - 1);
    c.embeddings.set(bad * c.spec.hidden + whole(0, c.spec.hidden - 1), one_of<double>({std::nan(""), kInfinity}));
    current = "not finite, " + describe(c);
    const Results r = run(&c, {});
    for (int64_t row = 0; row < c.rows(); ++row) {
        check(std::isnan(r.lse.get(row)) == (row == bad), "lse is NaN in the bad row alone", r.lse.get(row), row);
        for (int64_t d = 0; d < c.spec.hidden; ++d)
            check(std::isnan(r.de.get(row * c.spec.hidden + d)) == (row == bad), "dE is NaN in the bad row alone");
    }
    if (c.spec.reduction != CCE_REDUCTION_NONE) check(std::isnan(r.loss.get(0)), "the loss is NaN", r.loss.get(0));
    check(std::isnan(r.dc.get(c.spec.hidden)), "dC is NaN", r.dc.get(c.spec.hidden));
}

void test_conversions() {
    current = "conversions";
    for (int32_t dtype : {CCE_F16, CCE_BF16}) {
        for (int64_t i = 0; i < 100000; ++i) {
            const uint16_t bits = static_cast<uint16_t>(i);
            const double value = decode(bits, dtype);
            if (std::isnan(value)) continue;
            check(encode(value, dtype) == bits, "the test's own formats", encode(value, dtype), bits);
        }
    }
    // Through the library: dC of one token, one class and D values is dz * E, rounded to the format.
    for (int32_t dtype : {CCE_F16, CCE_BF16}) {
        Case c;
        c.spec.struct_size = sizeof c.spec;
        c.spec.batch = c.spec.time = 1;
        c.spec.classes = 2;
        c.spec.hidden = 4099;
        c.spec.temperature = 1;
        c.spec.dtype = c.spec.bias_dtype = dtype;
        c.spec.target_dtype = CCE_I64;
        c.spec.device = CCE_CPU;
        c.spec.gradients = CCE_GRADIENT_CLASSIFIER;
        c.spec.reduction = CCE_REDUCTION_SUM;
            c.embeddings.resize(c.spec.hidden, dtype);
        for (int64_t d = 0; d < c.spec.hidden; ++d) {
            uint16_t bits;
            do bits = static_cast<uint16_t>(whole(0, 65535));
            while (!std::isfinite(decode(bits, dtype)) || std::fabs(decode(bits, dtype)) > 1e30);
            c.embeddings.buffer.as<uint16_t>()[d] = bits;
        }
        c.classifier.resize(2 * c.spec.hidden, dtype);
        for (int64_t i = 0; i < c.classifier.count; ++i) c.classifier.set(i, 0.0);  // so p = 1/2 whatever E is
        c.targets = {1};
        c.store_targets();
        c.has_grad_loss = true;
        c.grad_loss.resize(1, CCE_F32);
        const double scale = real(0.5, 1);
        c.grad_loss.set(0, scale);
        const Results r = run(&c, {});
        for (int64_t d = 0; d < c.spec.hidden; ++d) {
            const double e = c.embeddings.get(d);
            // A sum of one product: it starts at +0, so -0 becomes +0.
            const float expected = 0.0f + static_cast<float>(c.grad_loss.get(0) * 0.5) * static_cast<float>(e);
            check(r.dc.buffer.as<uint16_t>()[d] == encode(expected, dtype), "a rounded gradient", r.dc.get(d),
                  expected);
        }
    }
}

// Many callers at once: each must get what it would have got alone.
void test_concurrent_calls() {
    std::vector<Case> cases;
    std::vector<Results> alone;
    std::vector<int64_t> bytes;
    for (int i = 0; i < 6; ++i) {
        cases.push_back(random_case());
        current = "concurrent " + describe(cases.back());
        alone.push_back(run(&cases.back(), {4, 0, true}));
        bytes.push_back(workspace_bytes(cases.back(), CCE_PASS_FORWARD));
    }
    current = "concurrent calls";
    std::vector<char> good(cases.size(), 0);
    std::vector<std::thread> threads;
    for (size_t i = 0; i < cases.size(); ++i)
        threads.emplace_back([&, i] {
            Case &c = cases[i];
            bool agrees = true;
            for (int repeat = 0; repeat < 10; ++repeat) {
                Buffer workspace(bytes[i]);
                Array lse;
                lse.resize(c.rows(), CCE_F32);
                const cce_inputs in = c.inputs();
                cce_log_sum_exp(&c.spec, &in, lse.buffer.data(), workspace.data(), workspace.bytes(), nullptr);
                agrees = agrees && same(lse.buffer, alone[i].lse.buffer);
            }
            good[i] = agrees;
        });
    for (std::thread &thread : threads) thread.join();
    for (char agrees : good) check(agrees != 0, "concurrent calls agree with lone ones");
}

// A child of a process with a running pool has a pool of its own, and can end.
void test_fork() {
    Case c = random_case();
    current = "fork, " + describe(c);
    const RunOptions options = {3, 0, true};
    const Results before = run(&c, options);
    fflush(stdout);
    const pid_t child = fork();
    if (child == 0) _exit(same_bits(before, run(&c, options)) ? 0 : 1);
    int status = -1;
    waitpid(child, &status, 0);
    check(WIFEXITED(status) && WEXITSTATUS(status) == 0, "the same bits after a fork", status);
}

int run_family(const char *family, uint64_t seed, int64_t cases) {
    char name[64];
    check(cce_device_text(CCE_CPU, CCE_TEXT_KERNELS, name, sizeof name) == CCE_OK, "cce_device_text");
    if (strcmp(name, family) != 0) {
        printf("%-8s not on this processor\n", family);
        return 0;
    }
    generator.seed(seed);
    for (int64_t i = 0; i < cases; ++i) test_random_case();
    for (int64_t i = 0; i < cases / 4; ++i) test_primitives();
    for (int64_t i = 0; i < cases / 4; ++i) test_bad_targets();
    for (int64_t i = 0; i < cases / 4; ++i) test_not_finite();
    // AMX takes denormals for zero and keeps 16 bits of dz; its conversions are AVX-512's.
    if (strcmp(family, "amx") != 0) test_conversions();
    test_concurrent_calls();
    test_fork();
    printf("%-8s %" PRId64 " checks, %" PRId64 " failures\n", family, checks, failures);
    return failures == 0 ? 0 : 1;
}

}  // namespace

int main(int count, char **arguments) {
    const uint64_t seed = count > 1 ? strtoull(arguments[1], nullptr, 10) : std::random_device()();
    const int64_t cases = count > 2 ? strtoll(arguments[2], nullptr, 10) : 60;
    if (const char *family = count > 3 ? arguments[3] : nullptr) return run_family(family, seed, cases);

    printf("seed %" PRIu64 ", %" PRId64 " cases\n", seed, cases);
    int failed = 0;
    // The family is chosen once a process, so each gets a process of its own.
    for (const char *family : {"generic", "avx2", "avx512", "amx", "neon"}) {
        fflush(stdout);
        const pid_t child = fork();
        if (child == 0) {
            setenv("CCE_KERNEL", family, 1);
            execl("/proc/self/exe", arguments[0], std::to_string(seed).c_str(), std::to_string(cases).c_str(), family,
                  static_cast<char *>(nullptr));
            _exit(127);
        }
        int status = -1;
        waitpid(child, &status, 0);
        if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) ++failed;
    }
    printf(failed == 0 ? "passed\n" : "FAILED\n");
    return failed == 0 ? 0 : 1;
}
