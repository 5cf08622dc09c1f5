// The layout of the state buffer that forward leaves for backward: the same on every device.
#pragma once

#include "common/problem.h"

namespace cce {

struct StateHeader {
    uint64_t fingerprint;      // Problem::fingerprint of the forward that filled it
    int64_t valid;             // positions that are not ignored
    int64_t bad_row;           // first position whose target is out of range, or -1
    int64_t bad_target;        // its value
    double divisor;            // what the mean divides by (0 if there is nothing), 1 for sum and none
    double class_weight_sum;   // sum_j w[j], V without class weights
};

// The parts of a state buffer; every part is aligned to kAlignment.
struct State {
    StateHeader *header;
    float *lse;                // (R), 0 where ignored
    int64_t *valid_rows;       // the `valid` positions r that count, ascending

    static int64_t bytes(const Problem &p) {
        return align_up(sizeof(StateHeader)) + align_up(p.rows * sizeof(float)) + align_up(p.rows * sizeof(int64_t));
    }

    static State at(const Problem &p, void *buffer) {
        char *base = static_cast<char *>(buffer);
        char *lse = base + align_up(sizeof(StateHeader));
        char *valid_rows = lse + align_up(p.rows * sizeof(float));
        return {reinterpret_cast<StateHeader *>(base), reinterpret_cast<float *>(lse),
                reinterpret_cast<int64_t *>(valid_rows)};
    }
};

// CCE_ERROR_TARGET with the first bad target that the header has, or CCE_OK.
int32_t check_targets(const Problem &p, const StateHeader &header);

}  // namespace cce
