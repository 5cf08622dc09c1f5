// The problems that backward is tested with.
#pragma once

#include <vector>

#include "cuda/forward_case.h"
#include "support/reference.h"

namespace cce::test {

// Where max_dropped_mass lies beside what the filters drop on average.
enum class Limit { kNone, kAbove, kBetween, kBelow };

// Of which classes there is room for kept logits.
enum class Kept { kNone, kPart, kAll };

// Where the classes lie that a softmax is flat over. Those near the end belong among the last rows of dC, which
// condensed products are written to first, but in other places; they are more than move at a time.
enum class Flat { kNot, kMiddle, kFront, kEnd, kSpread, kNearEnd };

// What comes into backward: about 1, all of it small or large, or token weights of every size in between.
enum class Magnitude { kOne, kSmall, kLarge, kMixed };

struct BackwardCase : ForwardCase {
    int32_t asked = 0;  // of the gradients that the spec announces
    int32_t embeddings_dtype = CCE_F32, classifier_dtype = CCE_F32, bias_dtype = CCE_F32;
    int32_t accumulate = 0;
    bool gradients_unaligned = false;  // by one element
    bool state_made = false;           // by cce_make_state
    bool unread_is_nan = false;        // rows of E that no counting position reads
    bool wants_report = false;
    Limit limit = Limit::kNone;
    Kept kept = Kept::kNone;
    Magnitude magnitude = Magnitude::kOne;
    Flat flat = Flat::kNot;            // over some of the classes, nearly 0 elsewhere
    bool lends = false;                // dC lends dense products its memory
    bool candidates = false;           // of which forward on Hopper leaves all
    bool frequent = false;             // a few classes are kept by most positions, others by some, most by none
    Array before_embeddings, before_classifier, before_bias;  // what the gradients are added to

    void fill();
    // Sets max_dropped_mass, which depends on the data.
    void settle_limit(const Reference &forward);
    // Whether a family that keeps logits keeps those of all classes.
    bool keeps_all() const;
    // Whether kernels with fast dense products leave to these what lists are too short for.
    bool leaves_lists() const;
    // Entries that the lists have room for.
    int64_t list_entries() const;
    // Whether those products then go over few classes where there are such kernels, unless a limit switches a filter
    // off.
    bool condenses() const;
    // Rows of E that a counting position reads.
    std::vector<char> read_tokens() const;
};

std::string describe(const BackwardCase &c);

struct BackwardReference {
    Reference forward;
    GradientReference gradients;
    GradientReference condensed;          // with nothing dropped of live classes; empty where that does not apply
    GradientReference exact;              // without a filter; likewise
    KeptEntries kept;
    GradientReference gradients_in_tf32;  // from the lse of a forward pass in TF32; empty where that does not apply
};

// Fills the case and settles its limit.
BackwardReference prepare(BackwardCase *c);

struct BackwardChoices {
    ForwardChoices forward;
    bool gradients_unaligned;
    bool keeps_logits;  // in every case, with all that it takes
    bool flat;          // likewise
    bool of_any_magnitude = false;
    bool lends = false;       // dC, in every case
    bool candidates = false;  // with a filter, and what else candidates take, in every case
    bool frequent = false;    // likewise
};
extern const BackwardChoices kAnyGradient;
extern const BackwardChoices kTensorCoreGradients;  // that every kernel family takes
extern const BackwardChoices kManyRows;             // several passes of rows, several chunks of classes
extern const BackwardChoices kLargeClassifier;      // whose gradient has room for dense products
extern const BackwardChoices kKeptLogits;
extern const BackwardChoices kKeptOfManyRows;
extern const BackwardChoices kFlatOverFew;
extern const BackwardChoices kFlatOfManyRows;
extern const BackwardChoices kFlatInPlace;
extern const BackwardChoices kOfAnyMagnitude;
extern const BackwardChoices kCandidates;  // so few classes that there is room for all logits
extern const BackwardChoices kFrequent;    // with rows so long that products of a few classes pay
extern const BackwardChoices kSmallFlat;
extern const BackwardChoices kSmallGradients;
extern const BackwardChoices kSmallKept;

std::vector<BackwardCase> covering_cases(const BackwardChoices &choices, int64_t most);

}  // namespace cce::test
