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
    int64_t segment_classes;   // classes of a segment of the segment codes; 0 if they are not filled
    int64_t kept_classes;      // the first classes, whose logits forward kept: State::kept_classes or 0
    uint64_t candidate_pairs;  // that forward found: some are missing if there is not room for so many;
                               // kNoCandidates if it did not look
};

// Fewest classes of a segment, whose largest logit a forward pass on a GPU leaves for filtered gradients.
constexpr int64_t kLeastSegmentClasses = 192;

// Classes of a tile of kept logits.
constexpr int64_t kKeptTileClasses = 192;

// Candidates lie in ranges: those of a warp's positions, of a block, in a tile of classes.
constexpr int64_t kCandidateTileClasses = 192;
constexpr int64_t kCandidateBlockRows = 128;
constexpr int64_t kCandidateWarps = 4;
constexpr int64_t kCandidateRowPairs = 256;  // that there is room for, on average
constexpr uint64_t kNoCandidates = UINT64_MAX;

struct CandidateRange {
    uint32_t first;
    uint32_t count;
};

// Two logits, of neighbouring classes.
struct alignas(8) CandidatePair {
    float logits[2];
};

// The parts of a state buffer; every part is aligned to kAlignment.
struct State {
    StateHeader *header;
    float *lse;                // (R), 0 where ignored
    int64_t *valid_rows;       // the `valid` positions r that count, ascending
    uint8_t *segment_codes;    // (segments, segment_pitch), of counting position i at column i; NULL without segments
    uint8_t *least_live;       // (R): no segment of a smaller code holds anything above the filters; NULL likewise
    uint16_t *kept_logits;     // (tiles, R, kKeptTileClasses), of counting positions; NULL if none are kept
    float *kept_maxima;        // (tiles, R): the largest logit of each position in each tile; NULL likewise
    // The logits that filtered gradients may keep, two by two; NULL without.
    CandidateRange *candidate_ranges;  // (tiles, blocks, kCandidateWarps)
    CandidatePair *candidates;         // (Problem::candidate_pairs)
    uint16_t *candidate_places;        // (Problem::candidate_pairs): whose they are in their block and tile

    static bool has_segments(const Problem &p) {
        const bool filtered = p.spec.filter_embeddings > 0.0 || p.spec.filter_classifier > 0.0;
        return p.spec.device != CCE_CPU && p.spec.gradients != 0 && filtered;
    }
    static int64_t most_segments(const Problem &p) { return div_up(p.spec.classes, kLeastSegmentClasses); }
    static int64_t segment_pitch(const Problem &p) { return div_up(p.rows, 16) * 16; }

    // Whose logits there is room for.
    static int64_t kept_tiles(const Problem &p);
    static int64_t kept_classes(const Problem &p);

    static int64_t candidate_blocks(const Problem &p) { return div_up(p.rows, kCandidateBlockRows); }

    static int64_t bytes(const Problem &p);
    static State at(const Problem &p, void *buffer);
};

// CCE_ERROR_TARGET with the first bad target that the header has, or CCE_OK.
int32_t check_targets(const Problem &p, const StateHeader &header);

}  // namespace cce
