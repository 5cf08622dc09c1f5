// What cce.h says, in float64 and with all logits stored.
#pragma once

#include <vector>

#include "support/case.h"

namespace cce::test {

struct Reference {
    std::vector<double> loss, lse, target_logit, entropy;
    std::vector<double> logit_size;  // (R) the largest sum_d |E[i,d] C[j,d]| + |b[j]|, over the temperature
    std::vector<double> loss_size;   // the sums of the magnitudes of what the losses are differences of
    std::vector<double> logits;      // (R, V), 0 where ignored
    std::vector<int64_t> argmax;
    double divisor = 0;              // of the mean; 1 for sum and none
};

// The rounding errors of a float32 sum of products, as a share of those of one number of its size.
constexpr double kSlackOfSums = 0.125;

// A target that is out of range counts as ignored. With c.sweep_in_tf32 everything but the targets' logits comes from
// factors of E . C that are rounded as the tensor cores get them: the rest of the arithmetic is held to float32.
Reference compute(const Case &c);
Reference compute_in_tf32(Case c);

struct Gradient {
    std::vector<double> value;
    std::vector<double> size;      // the sums of the magnitudes of the terms
    std::vector<double> doubt;     // of the terms so near to the filter's threshold that rounding decides
    std::vector<double> rounding;  // what it takes to get the value with each dz rounded to 16 bits
    double terms = 0;              // the root of the sum of the squares of all terms
    double kept = 0;               // the same of what kept logits, if there are any, may change about each term
};

struct GradientReference {
    Gradient embeddings, classifier, bias;
    double report[CCE_REPORT_LENGTH] = {};
    double report_doubt[CCE_REPORT_LENGTH] = {};
    bool undecided = false;  // a mean so near to max_dropped_mass that rounding decides
};

GradientReference compute_gradients(const Case &c, const Reference &forward);

// The same where all entries of a class are kept if the filter with the smallest threshold keeps any of them, and those
// of the first other classes that fill the last tile; unless a filter that is wanted is off.
GradientReference compute_condensed_gradients(const Case &c, const Reference &forward);

// The same where nothing is dropped, because that would save nothing.
GradientReference compute_exact_gradients(const Case &c, const Reference &forward);

// How many entries the filter with the smallest threshold keeps, as far as rounding lets one know.
struct KeptEntries {
    int64_t least = 0, most = 0;
};

KeptEntries count_kept(const Case &c, const Reference &forward);

// The softmax mass that a filter drops of a position, if max_dropped_mass does not switch it off.
struct DroppedMass {
    double mean = 0, worst = 0;
    double mean_doubt = 0, worst_doubt = 0;  // in entries so near to the threshold that rounding decides
};

DroppedMass dropped_by_embeddings_filter(const Case &c, const Reference &forward);
DroppedMass dropped_by_classifier_filter(const Case &c, const Reference &forward);

}  // namespace cce::test
