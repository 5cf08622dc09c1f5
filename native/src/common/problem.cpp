#include "common/problem.h"

#include <cmath>
#include <cstddef>
#include <cstring>

#include "common/status.h"

namespace cce {
namespace {

// Products of sizes stay far enough below 2^63 that byte counts and sums of several buffers fit.
constexpr int64_t kMaxElements = int64_t{1} << 56;

int32_t multiply(int64_t a, int64_t b, const char *what, int64_t *product) {
    if (a != 0 && b > kMaxElements / a)
        return fail(CCE_ERROR_INVALID_ARGUMENT, "%s = %lld * %lld is more than 2^56 elements", what,
                    static_cast<long long>(a), static_cast<long long>(b));
    *product = a * b;
    return CCE_OK;
}

int32_t at_least(int64_t value, int64_t least, const char *name) {
    if (value >= least) return CCE_OK;
    return fail(CCE_ERROR_INVALID_ARGUMENT, "%s must be at least %lld, but is %lld", name,
                static_cast<long long>(least), static_cast<long long>(value));
}

int32_t resolve_filter(double *eps, int32_t dtype, const char *name) {
    if (*eps == CCE_FILTER_AUTO) {
        *eps = dtype == CCE_F32 ? 0x1p-28 : 0x1p-16;
        return CCE_OK;
    }
    if (*eps >= 0.0 && *eps < 1.0) return CCE_OK;
    return fail(CCE_ERROR_INVALID_ARGUMENT, "%s must be in [0, 1) or CCE_FILTER_AUTO, but is %g", name, *eps);
}

uint64_t mix(uint64_t hash, const void *bytes, size_t count) {  // FNV-1a
    const auto *p = static_cast<const unsigned char *>(bytes);
    for (size_t i = 0; i < count; ++i) hash = (hash ^ p[i]) * 0x100000001b3u;
    return hash;
}

}  // namespace

int64_t dtype_bytes(int32_t dtype) {
    switch (dtype) {
        case CCE_F16:
        case CCE_BF16: return 2;
        case CCE_F32:
        case CCE_I32: return 4;
        default: return 8;
    }
}

int32_t copy_sized(const void *from, void *to, int64_t size, int64_t oldest, const char *name) {
    if (from == nullptr) return fail(CCE_ERROR_INVALID_ARGUMENT, "%s is NULL", name);
    int64_t given;
    memcpy(&given, from, sizeof given);
    if (given < oldest)
        return fail(CCE_ERROR_INVALID_ARGUMENT, "%s.struct_size is %lld, but at least %lld is needed", name,
                    static_cast<long long>(given), static_cast<long long>(oldest));
    memset(to, 0, size);
    memcpy(to, from, given < size ? given : size);
    return CCE_OK;
}

int32_t resolve(const cce_problem *problem, Problem *resolved) {
    constexpr int64_t kOldest = offsetof(cce_problem, kept_logits_bytes);
    CCE_TRY(copy_sized(problem, &resolved->spec, sizeof(cce_problem), kOldest, "problem"));
    cce_problem &p = resolved->spec;
    CCE_TRY(at_least(p.batch, 0, "problem.batch"));
    CCE_TRY(at_least(p.time, 0, "problem.time"));
    CCE_TRY(at_least(p.classes, 1, "problem.classes"));
    CCE_TRY(at_least(p.hidden, 1, "problem.hidden"));
    if (p.shift < 0 || p.shift > p.time)
        return fail(CCE_ERROR_INVALID_ARGUMENT, "problem.shift must be in [0, time = %lld], but is %lld",
                    static_cast<long long>(p.time), static_cast<long long>(p.shift));
    if (p.dtype != CCE_F32 && p.dtype != CCE_F16 && p.dtype != CCE_BF16)
        return fail(CCE_ERROR_INVALID_ARGUMENT, "problem.dtype must be CCE_F32, CCE_F16 or CCE_BF16, but is %d",
                    p.dtype);
    if (p.bias_dtype != p.dtype && p.bias_dtype != CCE_F32)
        return fail(CCE_ERROR_INVALID_ARGUMENT, "problem.bias_dtype must be problem.dtype = %d or CCE_F32, but is %d",
                    p.dtype, p.bias_dtype);
    if (p.target_dtype != CCE_I32 && p.target_dtype != CCE_I64)
        return fail(CCE_ERROR_INVALID_ARGUMENT, "problem.target_dtype must be CCE_I32 or CCE_I64, but is %d",
                    p.target_dtype);
    if (p.reduction < CCE_REDUCTION_NONE || p.reduction > CCE_REDUCTION_SUM)
        return fail(CCE_ERROR_INVALID_ARGUMENT,
                    "problem.reduction must be CCE_REDUCTION_NONE, _MEAN or _SUM, but is %d", p.reduction);
    if (p.gradients & ~(CCE_GRADIENT_EMBEDDINGS | CCE_GRADIENT_CLASSIFIER | CCE_GRADIENT_BIAS))
        return fail(CCE_ERROR_INVALID_ARGUMENT, "problem.gradients has unknown bits: 0x%x", p.gradients);
    if (p.allow_tf32 != 0 && p.allow_tf32 != 1)
        return fail(CCE_ERROR_INVALID_ARGUMENT, "problem.allow_tf32 must be 0 or 1, but is %d", p.allow_tf32);
    if (!(p.softcap >= 0.0) || !std::isfinite(p.softcap))
        return fail(CCE_ERROR_INVALID_ARGUMENT, "problem.softcap must be finite and > 0, or 0 for none, but is %g",
                    p.softcap);
    if (!(p.temperature > 0.0) || !std::isfinite(p.temperature))
        return fail(CCE_ERROR_INVALID_ARGUMENT, "problem.temperature must be finite and > 0, but is %g", p.temperature);
    if (!(p.label_smoothing >= 0.0 && p.label_smoothing <= 1.0))
        return fail(CCE_ERROR_INVALID_ARGUMENT, "problem.label_smoothing must be in [0, 1], but is %g",
                    p.label_smoothing);
    if (!(p.z_loss >= 0.0) || !std::isfinite(p.z_loss))
        return fail(CCE_ERROR_INVALID_ARGUMENT, "problem.z_loss must be finite and >= 0, but is %g", p.z_loss);
    if (!(p.max_dropped_mass >= 0.0))
        return fail(CCE_ERROR_INVALID_ARGUMENT, "problem.max_dropped_mass must be >= 0, but is %g", p.max_dropped_mass);
    CCE_TRY(at_least(p.kept_logits_bytes, 0, "problem.kept_logits_bytes"));
    CCE_TRY(resolve_filter(&p.filter_embeddings, p.dtype, "problem.filter_embeddings"));
    CCE_TRY(resolve_filter(&p.filter_classifier, p.dtype, "problem.filter_classifier"));

    int64_t unused;
    CCE_TRY(multiply(p.batch, p.time, "problem.batch * problem.time", &resolved->tokens));
    CCE_TRY(multiply(resolved->tokens, p.hidden, "the size of the embeddings", &unused));
    CCE_TRY(multiply(p.classes, p.hidden, "the size of the classifier", &unused));
    resolved->row_time = p.time - p.shift;
    resolved->rows = p.batch * resolved->row_time;
    resolved->candidate_pairs = 0;

    uint64_t hash = 0xcbf29ce484222325u;
    const int64_t sizes[] = {p.batch, p.time, p.classes, p.hidden, p.shift, p.ignore_index,
                             p.kept_logits_bytes};
    const double options[] = {p.softcap, p.temperature,       p.label_smoothing,
                              p.z_loss,  p.filter_embeddings, p.filter_classifier};
    const int32_t kinds[] = {p.device, p.dtype, p.target_dtype, p.reduction, p.gradients};
    hash = mix(hash, sizes, sizeof sizes);
    hash = mix(hash, options, sizeof options);
    resolved->fingerprint = mix(hash, kinds, sizeof kinds) | 1;
    return CCE_OK;
}

}  // namespace cce
