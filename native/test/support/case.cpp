#include "support/case.h"

#include <cinttypes>
#include <cstdio>

#include "support/random.h"

namespace cce::test {

void randomize(Array *array, int64_t count, int32_t dtype, double scale, bool positive) {
    array->resize(count, dtype);
    for (int64_t i = 0; i < count; ++i) array->set(i, positive ? real(0.2, 2.0) : scale * normal());
}

void Case::fill(double spread) {
    randomize(&embeddings, tokens() * spec.hidden, spec.dtype, 1.0);
    randomize(&classifier, spec.classes * spec.hidden, spec.dtype, spread);
    randomize(&bias, spec.classes, spec.bias_dtype, 0.5);
    randomize(&class_weights, spec.classes, CCE_F32, 1, true);
    randomize(&token_weights, tokens(), CCE_F32, 1, true);
    randomize(&grad_loss, spec.reduction == CCE_REDUCTION_NONE ? rows() : 1, CCE_F32, 1.0);
    randomize(&grad_lse, rows(), CCE_F32, 0.3);
}

void Case::store_targets() {
    target_buffer.resize(static_cast<int64_t>(targets.size()) * dtype_bytes(spec.target_dtype));
    for (size_t i = 0; i < targets.size(); ++i)
        if (spec.target_dtype == CCE_I32)
            target_buffer.as<int32_t>()[i] = static_cast<int32_t>(targets[i]);
        else
            target_buffer.as<int64_t>()[i] = targets[i];
}

cce_inputs Case::inputs() const {
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

int64_t Case::valid() const {
    int64_t count = 0;
    for (int64_t row = 0; row < rows(); ++row) count += !ignored(row);
    return count;
}

std::string describe(const Case &c) {
    const cce_problem &s = c.spec;
    char text[512];
    snprintf(text, sizeof text,
             "B=%" PRId64 " T=%" PRId64 " V=%" PRId64 " D=%" PRId64 " %s%s shift=%" PRId64
             " softcap=%g temperature=%g smoothing=%g z_loss=%g filters=%g,%g limit=%g kept_logits=%" PRId64 " bias=%s "
             "weights=%d,%d reduction=%d targets=%s,%" PRId64 " gradients=%d grad_loss=%d grad_lse=%d",
             s.batch, s.time, s.classes, s.hidden, dtype_name(s.dtype), s.allow_tf32 ? " allow_tf32" : "", s.shift,
             s.softcap, s.temperature, s.label_smoothing, s.z_loss, s.filter_embeddings, s.filter_classifier,
             s.max_dropped_mass, s.kept_logits_bytes, c.has_bias ? dtype_name(s.bias_dtype) : "none",
             c.has_class_weights, c.has_token_weights, s.reduction, dtype_name(s.target_dtype), s.ignore_index,
             s.gradients, c.has_grad_loss, c.has_grad_lse);
    return text;
}

}  // namespace cce::test
