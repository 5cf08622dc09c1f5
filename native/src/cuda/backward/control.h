// What backward decides on the device: its workspace begins with it.
#pragma once

#include <cstdint>

namespace cce::cuda {

struct BackwardControl {
    int64_t valid;             // counting positions; 0 if there is nothing to differentiate
    float initial;             // what every gradient starts from: 0, or NaN if the state is not this problem's
    float filter_embeddings;   // thresholds in force
    float filter_classifier;
    bool dense;                // whether dense products compute the gradients, else the lists of filtered/
    bool unmeasured;           // whether a sweep is to measure what the filters keep
    bool marking;              // whether live classes are to be found (condensed.h)
    bool condensed;            // with `dense`: whether the products go over those alone
    int64_t live_classes;      // how many these are, in whole tiles
    int64_t kept_classes;      // the first ones, whose logits forward kept
    int64_t frequent_classes;  // how many have a product of their own (filtered/frequent.h)
    float dz_scale;            // a power of two that dz is multiplied with; 1 but for float16 (dz_scale.cu)
    float inverse_dz_scale;
};

}  // namespace cce::cuda
