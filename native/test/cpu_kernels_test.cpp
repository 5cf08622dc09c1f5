// Checks the CPU backend against a float64 reference: random shapes and options, every kernel family that this
// processor has, bits that do not depend on the number of threads, and writes that stay inside their buffers.
//
// cpu_kernels_test [seed [cases]]    exits with 1 if anything is wrong
#include <sys/wait.h>
#include <unistd.h>

#include <cinttypes>
#include <cmath>
#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <limits>
#include <string>
#include <thread>
#include <vector>

#include "support/check.h"
#include "support/compare.h"
#include "support/random.h"

namespace cce::test {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();
constexpr int32_t kAllGradients = CCE_GRADIENT_EMBEDDINGS | CCE_GRADIENT_CLASSIFIER | CCE_GRADIENT_BIAS;

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
    s.allow_tf32 = chance(0.5);  // means nothing here, and neither do kept logits
    s.kept_logits_bytes = chance(0.5) ? whole(0, 1 << 20) : 0;
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
    c.fill(spread);
    c.targets.resize(tokens);
    const double ignored = one_of<double>({0, 0.3, 0.9, 1});
    for (int64_t &y : c.targets) y = chance(ignored * ignored) ? s.ignore_index : whole(0, s.classes - 1);
    c.store_targets();
    return c;
}

// ---- running a case ----

struct Results : ForwardResults {
    Array de, dc, db, report;
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
    r.resize(*c);
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
    const cce_outputs out = r.outputs();
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
    check(r.intact(), "guards of forward's outputs");
    for (const Array *a : {&r.de, &r.dc, &r.db, &r.report}) check(a->buffer.intact(), "guards of a gradient");
    return r;
}

void compare(const Case &c, const Results &r, const Reference &forward, const RunOptions &options) {
    check(r.forward_status == CCE_OK, "forward's status", r.forward_status);
    check(r.backward_status == CCE_OK, "backward's status", r.backward_status);
    compare_forward(c, r, forward);
    const GradientReference expected = compute_gradients(c, forward);
    if (expected.undecided) return;
    compare_report(r.report, expected);
    const auto one = [&](const char *what, int32_t mask, const Array &got, const Gradient &gradient) {
        if ((c.spec.gradients & mask) == 0) return;
        std::vector<double> before;
        if (options.accumulate & mask)
            for (int64_t i = 0; i < got.count; ++i) before.push_back(0.25 * (i % 5));
        compare_gradient(what, got, gradient, before, rounded_to(got.dtype));
    };
    one("dE", CCE_GRADIENT_EMBEDDINGS, r.de, expected.embeddings);
    one("dC", CCE_GRADIENT_CLASSIFIER, r.dc, expected.classifier);
    one("db", CCE_GRADIENT_BIAS, r.db, expected.bias);
}

bool same_results(const Results &a, const Results &b) {
    return same_bits(static_cast<const ForwardResults &>(a), static_cast<const ForwardResults &>(b)) &&
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
    check(same_results(once, run(&c, options)), "the same bits with more threads");
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
    const Reference expected = compute(c);
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
    compare_logits("lse beside a bad target", r.lse, expected.lse, expected);
    const GradientReference gradients = compute_gradients(c, expected);
    if (c.spec.gradients & CCE_GRADIENT_EMBEDDINGS && !gradients.undecided)
        compare_gradient("dE beside a bad target", r.de, gradients.embeddings, {}, rounded_to(r.de.dtype));
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

void test_allow_tf32() {
    Case c = random_case();
    for (const int32_t value : {-1, 2, 256}) {
        c.spec.allow_tf32 = value;
        current = "allow_tf32 = " + std::to_string(value);
        int64_t bytes = 0;
        check(cce_state_bytes(&c.spec, &bytes) == CCE_ERROR_INVALID_ARGUMENT, "it is refused");
        char message[512];
        cce_last_error(message, sizeof message);
        check(strstr(message, "problem.allow_tf32") != nullptr, "the message names the field");
        check(strstr(message, std::to_string(value).c_str()) != nullptr, "the message names the value");
    }
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

// A problem as it was before kept logits: what lies behind its end is not read.
void test_older_problem() {
    Case c = random_case();
    current = "an older problem, " + describe(c);
    const Results whole = run(&c, {});
    c.spec.struct_size = offsetof(cce_problem, kept_logits_bytes);
    c.spec.kept_logits_bytes = -1;
    check(same_results(whole, run(&c, {})), "the same bits from a shorter problem");
    --c.spec.struct_size;
    int64_t bytes = 0;
    check(cce_state_bytes(&c.spec, &bytes) == CCE_ERROR_INVALID_ARGUMENT, "a problem that is too short");
    c.spec.struct_size = sizeof c.spec;
    check(cce_state_bytes(&c.spec, &bytes) == CCE_ERROR_INVALID_ARGUMENT, "kept logits of -1 bytes");
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
    if (child == 0) _exit(same_results(before, run(&c, options)) ? 0 : 1);
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
    test_allow_tf32();
    test_older_problem();
    test_concurrent_calls();
    test_fork();
    printf("%-8s %" PRId64 " checks, %" PRId64 " failures\n", family, checks(), failures());
    return failures() == 0 ? 0 : 1;
}

}  // namespace
}  // namespace cce::test

int main(int count, char **arguments) {
    const uint64_t seed = count > 1 ? strtoull(arguments[1], nullptr, 10) : std::random_device()();
    const int64_t cases = count > 2 ? strtoll(arguments[2], nullptr, 10) : 60;
    if (const char *family = count > 3 ? arguments[3] : nullptr) return cce::test::run_family(family, seed, cases);

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
