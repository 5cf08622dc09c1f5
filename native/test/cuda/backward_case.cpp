#include "cuda/backward_case.h"

#include <algorithm>
#include <cmath>

#include "support/covering.h"
#include "support/random.h"

namespace cce::test {
namespace {

constexpr int32_t kAllGradients = CCE_GRADIENT_EMBEDDINGS | CCE_GRADIENT_CLASSIFIER | CCE_GRADIENT_BIAS;

enum Factor {
    kAsked, kAnnounced, kDtypes, kAccumulate, kAlignment, kState, kUnread, kReport, kGradLoss, kGradLse, kFilters,
    kLimit, kKept, kMagnitude, kFlat, kFactors
};

enum Filters { kNoFilter, kEqual, kDifferent, kEmbeddingsOnly, kClassifierOnly, kAuto, kFilterChoices };

std::vector<int> levels(const BackwardChoices &choices) {
    std::vector<int> count(kFactors, 2);
    count[kAsked] = kAllGradients;
    count[kDtypes] = 3;
    count[kAccumulate] = 3;
    count[kAlignment] = choices.gradients_unaligned ? 2 : 1;
    count[kFilters] = kFilterChoices;
    count[kLimit] = 4;
    count[kKept] = 3;
    count[kMagnitude] = choices.of_any_magnitude ? 4 : 1;
    count[kFlat] = choices.lends ? 4 : 1;
    if (choices.keeps_logits) {
        for (Factor factor : {kState, kFilters, kLimit}) count[factor] = 1;
        count[kKept] = 2;
    }
    if (choices.flat) {
        for (Factor factor : {kState, kKept}) count[factor] = 1;
        count[kFilters] = 2;
    }
    if (choices.lends) count[kLimit] = 1;
    if (choices.candidates) {
        for (Factor factor : {kState, kKept}) count[factor] = 1;
        count[kFilters] = 2;
    }
    if (choices.frequent) {
        for (Factor factor : {kKept, kLimit}) count[factor] = 1;
        count[kFilters] = 2;
    }
    const std::vector<int> of_forward = forward_levels(choices.forward);
    count.insert(count.end(), of_forward.begin(), of_forward.end());
    return count;
}

// Around the probability of a class if all were equal, so that a part of them is dropped.
double random_filter(const cce_problem &s) {
    return std::min(0.9, std::pow(10, real(-1, 1)) / static_cast<double>(s.classes));
}

void choose_filters(Filters filters, cce_problem *s) {
    const double one = random_filter(*s), other = random_filter(*s);
    if (filters == kAuto) {
        s->filter_embeddings = s->filter_classifier = CCE_FILTER_AUTO;
        return;
    }
    s->filter_embeddings = filters == kEqual || filters == kDifferent || filters == kEmbeddingsOnly ? one : 0;
    s->filter_classifier = filters == kEqual ? one : filters == kDifferent || filters == kClassifierOnly ? other : 0;
}

// The classes that a flat softmax is over: `runs` runs of `count`, `step` apart.
struct Popular {
    int64_t first, count, runs, step;

    static Popular of(const BackwardCase &c) {
        const int64_t classes = c.spec.classes, some = classes * 9 / 50, most = classes * 113 / 500;
        switch (c.flat) {
            case Flat::kFront: return {0, some, 1, 0};
            case Flat::kEnd: return {classes - some, some, 1, 0};
            case Flat::kSpread: return {0, some / 3, 3, classes * 41 / 100};
            case Flat::kNearEnd: return {classes - most - 13, most, 1, 0};
            default: return {classes / 3, some, 1, 0};
        }
    }
    int64_t all() const { return runs * count; }
    bool contains(int64_t j) const {
        for (int64_t run = 0; run < runs; ++run)
            if (j >= first + run * step && j < first + run * step + count) return true;
        return false;
    }
    int64_t random() const { return first + whole(0, runs - 1) * step + whole(0, count - 1); }
};

// So that of as many classes as are `alike`, or so many of what they have together, most entries are kept, but not all.
// `room`: for a softcap to leave others far enough below.
void choose_concentrated(double alike, double room, bool different, BackwardCase *c) {
    cce_problem *s = &c->spec;
    const double one = real(0.2, 0.35) / alike;
    c->classes_masked = false;
    s->temperature = real(0.8, 1.5);
    if (s->softcap > 0) s->softcap += room;
    s->label_smoothing = 0;
    s->filter_embeddings = one;
    s->filter_classifier = different ? real(1, 1.5) * one : one;
}

void randomize_concentrated(BackwardCase *c) {
    const cce_problem &s = c->spec;
    randomize(&c->classifier, s.classes * s.hidden, s.dtype, 0.7 / std::sqrt(static_cast<double>(s.hidden)));
}

void fill_flat(BackwardCase *c) {
    constexpr double kFarBelow = 30;
    const cce_problem &s = c->spec;
    const Popular popular = Popular::of(*c);
    randomize_concentrated(c);
    for (int64_t j = 0; j < s.classes; ++j)
        if (!popular.contains(j)) c->bias.set(j, c->bias.get(j) - kFarBelow);
    for (int64_t &y : c->targets)
        if (y != s.ignore_index) y = popular.random();
    c->store_targets();
}

// A position keeps most of the frequent classes, and some of those whose bias is little lower. All positions count, and
// dE or dC is wanted: else products may not pay.
constexpr int64_t kFrequentClasses = 40;

void choose_frequent(bool different, BackwardCase *c) {
    constexpr double kAlike = 120;  // classes, were all of them as probable as the frequent ones
    constexpr int32_t kProducts = CCE_GRADIENT_EMBEDDINGS | CCE_GRADIENT_CLASSIFIER;
    c->frequent = true;
    c->which_ignored = Ignored::kNone;
    if ((c->asked & kProducts) == 0) c->asked |= kProducts;
    c->spec.gradients |= c->asked;
    choose_concentrated(kAlike, 12, different, c);
}

void fill_frequent(BackwardCase *c) {
    constexpr double kLowest = 60;
    const cce_problem &s = c->spec;
    randomize_concentrated(c);
    for (int64_t j = 0; j < s.classes; ++j)
        if (j % (s.classes / kFrequentClasses) != 0) c->bias.set(j, c->bias.get(j) - real(0, kLowest));
}

// With all positions, of which there are just enough that few logits are live.
void choose_lending(BackwardCase *c) {
    c->lends = true;
    c->which_ignored = Ignored::kNone;
    c->asked |= CCE_GRADIENT_CLASSIFIER;
    c->spec.gradients |= CCE_GRADIENT_CLASSIFIER;
    c->accumulate &= ~CCE_GRADIENT_CLASSIFIER;
}

void choose_candidates(bool different, BackwardCase *c) {
    cce_problem *s = &c->spec;
    const double one = std::pow(10, real(-0.7, 1)) / static_cast<double>(s->classes);
    c->candidates = true;
    c->wanted.argmax = c->wanted.entropy = false;
    s->label_smoothing = 0;
    s->filter_embeddings = std::min(0.9, one);
    s->filter_classifier = different ? std::min(0.9, real(1, 2) * one) : s->filter_embeddings;
}

constexpr double kSmall = 1e-6;
constexpr double kLarge = 1e6;

// Results may be beyond the range of float16.
void choose_magnitude(Magnitude magnitude, BackwardCase *c) {
    c->magnitude = magnitude;
    if (magnitude == Magnitude::kOne) return;
    c->embeddings_dtype = c->classifier_dtype = c->bias_dtype = CCE_F32;
    if (magnitude == Magnitude::kMixed)
        c->has_token_weights = true;
    else
        c->has_grad_loss = true;
}

void multiply(Array *array, double factor) {
    for (int64_t i = 0; i < array->count; ++i) array->set(i, array->get(i) * factor);
}

// Returns how much larger that makes the gradients, roughly.
double fill_magnitude(BackwardCase *c) {
    if (c->magnitude == Magnitude::kOne) return 1;
    if (c->magnitude == Magnitude::kMixed) {
        for (int64_t i = 0; i < c->token_weights.count; ++i)
            c->token_weights.set(i, c->token_weights.get(i) * kSmall * std::pow(kLarge / kSmall, real(0, 1)));
        return c->spec.reduction == CCE_REDUCTION_MEAN ? 1 : kLarge;
    }
    const double factor = c->magnitude == Magnitude::kSmall ? kSmall : kLarge;
    multiply(&c->grad_loss, factor);
    multiply(&c->grad_lse, factor);
    return factor;
}

// Bytes for so many tiles of 192 classes: 2 bytes a class and 4 for the largest, and what alignment takes.
int64_t bytes_of_kept(int64_t rows, int64_t tiles) { return rows * tiles * (2 * 192 + 4) + 512; }

void choose_kept(Kept kept, BackwardCase *c) {
    const int64_t tiles = (c->spec.classes + 191) / 192;
    int64_t *bytes = &c->spec.kept_logits_bytes;
    c->kept = kept;
    if (kept == Kept::kAll) *bytes = bytes_of_kept(c->rows(), tiles) + whole(0, 1000);
    if (kept == Kept::kPart) *bytes = bytes_of_kept(c->rows(), whole(0, tiles - 1)) + whole(0, 300);
}

BackwardCase case_of(const BackwardChoices &choices, const std::vector<int> &level) {
    BackwardCase c;
    static_cast<ForwardCase &>(c) =
        forward_case(choices.forward, std::vector<int>(level.begin() + kFactors, level.end()));
    if (choices.flat || choices.frequent) c.has_bias = true;
    cce_problem &s = c.spec;
    const int32_t possible = c.has_bias ? kAllGradients : kAllGradients & ~CCE_GRADIENT_BIAS;
    c.asked = (level[kAsked] + 1) & possible;
    if (c.asked == 0) c.asked = possible;
    s.gradients = level[kAnnounced] ? possible : c.asked;
    c.embeddings_dtype = level[kDtypes] == 0 ? s.dtype : CCE_F32;
    c.classifier_dtype = level[kDtypes] == 1 ? CCE_F32 : s.dtype;
    c.bias_dtype = level[kDtypes] == 2 ? CCE_F32 : s.bias_dtype;
    c.accumulate = level[kAccumulate] == 0 ? 0 : level[kAccumulate] == 1 ? kAllGradients
                                                                         : static_cast<int32_t>(whole(1, 6));
    c.gradients_unaligned = level[kAlignment];
    c.state_made = level[kState];
    c.unread_is_nan = level[kUnread];
    c.wants_report = level[kReport];
    c.has_grad_loss = level[kGradLoss];
    c.has_grad_lse = level[kGradLse];
    c.limit = static_cast<Limit>(level[kLimit]);
    choose_magnitude(static_cast<Magnitude>(level[kMagnitude]), &c);
    if (choices.lends) choose_lending(&c);
    if (choices.flat) {
        c.flat = choices.lends ? static_cast<Flat>(level[kFlat] + static_cast<int>(Flat::kFront)) : Flat::kMiddle;
        choose_concentrated(static_cast<double>(Popular::of(c).all()), 6, level[kFilters], &c);
    } else if (choices.candidates) {
        choose_candidates(level[kFilters], &c);
    } else if (choices.frequent) {
        choose_frequent(level[kFilters], &c);
    } else {
        choose_filters(static_cast<Filters>(level[kFilters]), &s);
    }
    choose_kept(static_cast<Kept>(level[kKept] + (choices.keeps_logits ? 1 : 0)), &c);
    if (choices.keeps_logits) {
        s.label_smoothing = 0;
        c.wanted.argmax = c.wanted.entropy = false;
    }
    return c;
}

double resolved(double filter) { return filter == CCE_FILTER_AUTO ? 0x1p-16 : filter; }

// Whether the device gets filtered gradients from lists, as filtered.cu has it.
bool lists_apply(const BackwardCase &c) {
    constexpr double kLeastShare = 0.125;
    const cce_problem &s = c.spec;
    const double of_embeddings = resolved(s.filter_embeddings), of_classifier = resolved(s.filter_classifier);
    const bool both = of_embeddings > 0 && of_classifier > 0;
    const double least = both ? std::min(of_embeddings, of_classifier) : std::max(of_embeddings, of_classifier);
    if (s.dtype == CCE_F32 || s.gradients == 0 || c.rows() == 0) return false;
    if ((s.gradients & CCE_GRADIENT_EMBEDDINGS) && of_embeddings == 0) return false;
    if ((s.gradients & ~CCE_GRADIENT_EMBEDDINGS) && of_classifier == 0) return false;
    if (s.label_smoothing > 0 && s.softcap > 0) return false;
    return least * static_cast<double>(s.classes) >= kLeastShare;
}

bool has_aligned_rows(const BackwardCase &c) {
    const bool of_inputs = c.spec.hidden % 8 == 0 && !c.embeddings_unaligned && !c.classifier_unaligned;
    return of_inputs && (!c.gradients_unaligned || (c.asked & ~CCE_GRADIENT_BIAS) == 0);
}

// Whether fast dense products have scratch in the workspace, as plan.cu has it, or in a dC that is not added to.
bool dense_products_have_memory(const BackwardCase &c) {
    const cce_problem &s = c.spec;
    if ((c.asked & CCE_GRADIENT_CLASSIFIER) && !(c.accumulate & CCE_GRADIENT_CLASSIFIER)) return true;
    if (s.max_dropped_mass > 0 || !(s.gradients & CCE_GRADIENT_CLASSIFIER)) return true;
    constexpr int64_t kRowsOfPass = 16384;
    if (c.rows() > kRowsOfPass) return true;  // no classifier of these cases is so large
    const auto aligned = [](int64_t bytes) { return (bytes + 255) / 256 * 256; };
    const bool embeddings = s.gradients & CCE_GRADIENT_EMBEDDINGS;
    const bool two = embeddings && s.filter_embeddings != s.filter_classifier;
    const int64_t dz = aligned(c.rows() * ((s.classes + 63) / 64 * 64) * 2);
    const int64_t scratch = (embeddings ? aligned(c.rows() * s.hidden * 4) : 0) + (two ? 2 : 1) * dz;
    return static_cast<double>(s.classes * s.hidden * 2) < 3.5 * static_cast<double>(scratch);
}

}  // namespace

void BackwardCase::fill() {
    ForwardCase::fill();
    if (flat != Flat::kNot) fill_flat(this);
    if (frequent) fill_frequent(this);
    if (unread_is_nan) {
        const std::vector<char> read = read_tokens();
        for (int64_t i = 0; i < embeddings.count; ++i)
            if (!read[i / spec.hidden]) embeddings.set(i, std::nan(""));
    }
    // About as large as the gradients, so that neither hides the other.
    const double of_mean = spec.reduction == CCE_REDUCTION_MEAN ? 1 / std::sqrt(1.0 + static_cast<double>(rows())) : 1;
    const double share = of_mean * fill_magnitude(this);
    randomize(&before_embeddings, tokens() * spec.hidden, embeddings_dtype, 0.1 * share);
    randomize(&before_classifier, spec.classes * spec.hidden, classifier_dtype, 0.1 * share);
    randomize(&before_bias, spec.classes, bias_dtype, 0.1 * share);
}

void BackwardCase::settle_limit(const Reference &forward) {
    if (limit == Limit::kNone) return;
    const double of_embeddings = dropped_by_embeddings_filter(*this, forward).mean;
    const double of_classifier = dropped_by_classifier_filter(*this, forward).mean;
    const double most = std::max(of_embeddings, of_classifier), least = std::min(of_embeddings, of_classifier);
    const double between = least > 0 && least < most / 2 ? std::sqrt(most * least) : most / 2;
    const double value = limit == Limit::kAbove ? 2 * most : limit == Limit::kBetween ? between : least / 2;
    spec.max_dropped_mass = value > 0 ? value : 0.1;
}

bool BackwardCase::keeps_all() const {
    return kept == Kept::kAll && spec.dtype == CCE_BF16 && spec.hidden % 8 == 0 && spec.filter_embeddings == 0 &&
           spec.filter_classifier == 0 && spec.label_smoothing == 0 && !wanted.argmax && !wanted.entropy &&
           !state_made && !embeddings_unaligned && !classifier_unaligned && !gradients_unaligned;
}

bool BackwardCase::leaves_lists() const {
    return lists_apply(*this) && has_aligned_rows(*this) && dense_products_have_memory(*this);
}

// As filtered.cu has it, for so few positions and classes that there is room for all units.
int64_t BackwardCase::list_entries() const {
    constexpr int64_t kRowBytes = 2380, kLeastRowEntries = 104, kEntryBytes = 8;
    const int64_t tiles = (spec.classes + 191) / 192;
    const int64_t of_row = std::max(kLeastRowEntries, (kRowBytes - tiles - tiles * 20 / 128) / kEntryBytes);
    return std::min(std::max(of_row * rows(), spec.classes), rows() * spec.classes);
}

bool BackwardCase::condenses() const {
    return flat != Flat::kNot && spec.dtype != CCE_F32 && spec.hidden % 8 == 0 && !state_made &&
           !embeddings_unaligned && !classifier_unaligned && !gradients_unaligned;
}

std::vector<char> BackwardCase::read_tokens() const {
    std::vector<char> read(tokens(), 0);
    for (int64_t row = 0; row < rows(); ++row) read[token_of(row)] = !ignored(row);
    return read;
}

std::string describe(const BackwardCase &c) {
    constexpr const char *kLimitNames[] = {"none", "above", "between", "below"};
    constexpr const char *kMagnitudeNames[] = {"one", "small", "large", "mixed"};
    constexpr const char *kKeptNames[] = {"none", "part", "all"};
    std::string text = describe(static_cast<const ForwardCase &>(c));
    text += " asked=" + std::to_string(c.asked);
    text += std::string(" as=") + dtype_name(c.embeddings_dtype) + "," + dtype_name(c.classifier_dtype) + "," +
            dtype_name(c.bias_dtype);
    text += " accumulate=" + std::to_string(c.accumulate);
    text += std::string(" state=") + (c.state_made ? "made" : "forward");
    text += std::string(" kept=") + kKeptNames[static_cast<int>(c.kept)];
    text += std::string(" drops=") + kLimitNames[static_cast<int>(c.limit)];
    text += std::string(" magnitude=") + kMagnitudeNames[static_cast<int>(c.magnitude)];
    if (c.gradients_unaligned) text += " gradients_unaligned";
    if (c.unread_is_nan) text += " unread_nan";
    if (c.wants_report) text += " report";
    constexpr const char *kFlatNames[] = {"", " flat", " flat=front", " flat=end", " flat=spread", " flat=near_end"};
    text += kFlatNames[static_cast<int>(c.flat)];
    if (c.lends) text += " lends";
    if (c.frequent) text += " frequent";
    if (c.candidates) text += " candidates";
    return text;
}

BackwardReference prepare(BackwardCase *c) {
    c->fill();
    BackwardReference expected;
    expected.forward = compute(*c);
    c->settle_limit(expected.forward);
    Case asked = *c;
    asked.spec.gradients = c->asked;
    expected.gradients = compute_gradients(asked, expected.forward);
    if (c->leaves_lists()) {
        expected.kept = count_kept(*c, expected.forward);
        const bool overflow = expected.kept.most > c->list_entries();
        if (overflow && c->condenses()) expected.condensed = compute_condensed_gradients(asked, expected.forward);
        if (overflow || c->limit != Limit::kNone) expected.exact = compute_exact_gradients(asked, expected.forward);
    }
    if (c->tf32_applies()) {
        Reference mixed = expected.forward;
        mixed.lse = compute_in_tf32(*c).lse;
        expected.gradients_in_tf32 = compute_gradients(asked, mixed);
    }
    return expected;
}

const BackwardChoices kAnyGradient = {{{0, 1, 63, 64, 65, 127, 128, 129, 255, 256, 257, 600},
                                       {1, 5, 127, 128, 129, 130, 191, 192, 193, 383, 384, 385, 1000, 5003},
                                       {7, 8, 24, 64, 72, 192, 200, 392},
                                       {CCE_F32, CCE_F16, CCE_BF16},
                                       true,
                                       {0, 1}},
                                      true,
                                      false,
                                      false};

const BackwardChoices kTensorCoreGradients = {{kAnyGradient.forward.rows,
                                               kAnyGradient.forward.classes,
                                               {8, 24, 64, 72, 192, 200, 392},
                                               {CCE_F16, CCE_BF16},
                                               false,
                                               {0}},
                                              false,
                                              false,
                                              false};

const BackwardChoices kManyRows = {
    {{16385, 16640, 20001}, {1, 130, 5003}, {8}, {CCE_F16, CCE_BF16}, false, {0}}, false, false, false};

const BackwardChoices kLargeClassifier = {
    {{1, 20, 40, 65}, {2999, 5003}, {392, 808}, {CCE_F16, CCE_BF16}, false, {0}}, false, false, false};

const BackwardChoices kKeptLogits = {
    {{1, 65, 255, 257, 600}, {5, 191, 192, 193, 1000, 5003}, {8, 72, 200}, {CCE_BF16}, false, {0}}, false, true, false};

const BackwardChoices kKeptOfManyRows = {
    {{16385, 16640, 20001}, {130, 5003}, {8}, {CCE_BF16}, false, {0}}, false, true, false};

const BackwardChoices kFlatOverFew = {
    {{512, 600}, {5003}, {8, 72}, {CCE_F16, CCE_BF16}, false, {0}}, false, false, true};

const BackwardChoices kFlatOfManyRows = {
    {{16385, 16640}, {5003}, {8}, {CCE_F16, CCE_BF16}, false, {0}}, false, false, true};

const BackwardChoices kFlatInPlace = {
    {{160}, {5003}, {1528}, {CCE_F16, CCE_BF16}, false, {0}}, false, false, true, false, true};

const BackwardChoices kOfAnyMagnitude = {
    {{1, 65, 257, 600}, {5, 130, 1000, 5003}, {8, 72, 200}, {CCE_F16, CCE_BF16}, false, {0}},
    false,
    false,
    false,
    true};

const BackwardChoices kCandidates = {
    {{1, 65, 127, 128, 129, 255, 257, 600}, {5, 130, 191, 192, 193, 385, 500}, {8, 72, 200}, {CCE_F16, CCE_BF16}, false,
     {0}},
    false,
    false,
    false,
    false,
    false,
    true};

const BackwardChoices kFrequent = {
    {{600}, {5003}, {2056, 2568}, {CCE_F16, CCE_BF16}, false, {0}},
    false,
    false,
    false,
    false,
    false,
    false,
    true};

const BackwardChoices kSmallFlat = {{{600}, {5003}, {72}, {CCE_F16, CCE_BF16}, false, {0}}, false, false, true};

const BackwardChoices kSmallKept = {
    {{1, 129, 257}, {1, 130, 385, 600}, {8, 72}, {CCE_BF16}, false, {0}}, false, true, false};

const BackwardChoices kSmallGradients = {
    {{1, 129, 257}, {1, 130, 385, 600}, {8, 72}, {CCE_F16, CCE_BF16}, false, {0}}, false, false, false};

std::vector<BackwardCase> covering_cases(const BackwardChoices &choices, int64_t most) {
    std::vector<BackwardCase> cases;
    Covering covering(levels(choices));
    while (!covering.complete() && static_cast<int64_t>(cases.size()) < most)
        cases.push_back(case_of(choices, covering.next()));
    return cases;
}

}  // namespace cce::test
