// The logits that filtered gradients may keep, left by the forward pass, so that backward computes none of them again:
// all that neither the target's logit nor the largest seen before, which no lse is below, rules out. Of 32,000 classes
// that is about one and a half times what is kept in the end (docs/performance.md). Which they are beyond what is kept
// depends on the order of the tiles. Where they do not fit, backward makes do without them: then it computes live
// segments again (filtered/units.cuh).
#pragma once

#include "common/state.h"

namespace cce::cuda {

struct Candidates {
    CandidateRange *ranges;  // as State::candidate_ranges; NULL: they are not wanted
    CandidatePair *pairs;
    uint16_t *places;
    StateHeader *header;
    uint64_t most;
    int64_t blocks;

    static Candidates of(const Problem &p, const State &state) {
        return {state.candidate_ranges,  state.candidates, state.candidate_places, state.header,
                static_cast<uint64_t>(p.candidate_pairs), State::candidate_blocks(p)};
    }

    // Pairs that there is room for. With more classes few row segments are live, and to compute them again costs less
    // than a tenth of the forward pass.
    static int64_t room(const Problem &p) {
        constexpr int64_t kMostTiles = 1024;
        if (div_up(p.spec.classes, kCandidateTileClasses) > kMostTiles) return 0;
        return p.rows <= UINT32_MAX / kCandidateRowPairs ? p.rows * kCandidateRowPairs : 0;
    }

    __device__ CandidateRange &range(int64_t tile, int64_t block, int64_t warp) const {
        return ranges[(tile * blocks + block) * kCandidateWarps + warp];
    }
    // Once forward is done.
    __device__ bool hold_everything() const { return ranges != nullptr && header->candidate_pairs <= most; }
};

// Whose logits a pair has: the position's row in its block, and the first of the two classes.
struct CandidatePlace {
    static constexpr int kPairBits = 7;
    static_assert(kCandidateTileClasses / 2 <= 1 << kPairBits && kCandidateBlockRows <= 1 << (16 - kPairBits));

    int32_t row;
    int32_t first_class;  // in the tile

    __device__ uint16_t encode() const { return static_cast<uint16_t>(row << kPairBits | first_class / 2); }
    __device__ static CandidatePlace decode(uint16_t place) {
        return {place >> kPairBits, place % (1 << kPairBits) * 2};
    }
};

}  // namespace cce::cuda
