#include "common/state.h"

#include <algorithm>

#include "common/status.h"

namespace cce {
namespace {

// Of a position in a tile of kept logits, but for its maximum.
constexpr int64_t kKeptRowBytes = kKeptTileClasses * sizeof(uint16_t);

// Offsets of the parts; every part is aligned.
struct Layout {
    int64_t lse;
    int64_t valid_rows;
    int64_t segment_codes;
    int64_t least_live;
    int64_t kept_logits;
    int64_t kept_maxima;
    int64_t candidate_ranges;
    int64_t candidates;
    int64_t candidate_places;
    int64_t end;

    static Layout of(const Problem &p) {
        Layout layout;
        layout.lse = align_up(sizeof(StateHeader));
        layout.valid_rows = layout.lse + align_up(p.rows * sizeof(float));
        layout.segment_codes = layout.valid_rows + align_up(p.rows * sizeof(int64_t));
        const int64_t codes = State::has_segments(p) ? State::most_segments(p) * State::segment_pitch(p) : 0;
        layout.least_live = layout.segment_codes + align_up(codes);
        layout.kept_logits = layout.least_live + align_up(State::has_segments(p) ? p.rows : 0);
        const int64_t kept_rows = State::kept_tiles(p) * p.rows;
        layout.kept_maxima = layout.kept_logits + align_up(kept_rows * kKeptRowBytes);
        layout.candidate_ranges =
            layout.kept_maxima + align_up(kept_rows * static_cast<int64_t>(sizeof(float)));
        const int64_t pairs = p.candidate_pairs;
        const int64_t ranges = pairs == 0 ? 0
                                          : div_up(p.spec.classes, kCandidateTileClasses) *
                                                State::candidate_blocks(p) * kCandidateWarps;
        layout.candidates =
            layout.candidate_ranges + align_up(ranges * static_cast<int64_t>(sizeof(CandidateRange)));
        layout.candidate_places = layout.candidates + align_up(pairs * static_cast<int64_t>(sizeof(CandidatePair)));
        layout.end = layout.candidate_places + align_up(pairs * static_cast<int64_t>(sizeof(uint16_t)));
        return layout;
    }
};

}  // namespace

int64_t State::kept_tiles(const Problem &p) {
    constexpr int64_t kMostBytes = int64_t{1} << 60;  // sums of sizes fit
    constexpr int64_t kPadding = 2 * (kAlignment - 1);
    const int64_t room = std::min(p.spec.kept_logits_bytes, kMostBytes) - kPadding;
    if (p.rows == 0 || room <= 0) return 0;
    constexpr int64_t kRowBytes = kKeptRowBytes + sizeof(float);
    return std::min(room / p.rows / kRowBytes, div_up(p.spec.classes, kKeptTileClasses));
}

int64_t State::kept_classes(const Problem &p) { return std::min(kept_tiles(p) * kKeptTileClasses, p.spec.classes); }

int64_t State::bytes(const Problem &p) { return Layout::of(p).end; }

State State::at(const Problem &p, void *buffer) {
    const Layout layout = Layout::of(p);
    char *base = static_cast<char *>(buffer);
    const auto bytes_at = [&](int64_t offset) {
        return has_segments(p) ? reinterpret_cast<uint8_t *>(base + offset) : nullptr;
    };
    const bool keeps = kept_tiles(p) > 0;
    const bool lists = p.candidate_pairs > 0;
    return {reinterpret_cast<StateHeader *>(base),
            reinterpret_cast<float *>(base + layout.lse),
            reinterpret_cast<int64_t *>(base + layout.valid_rows),
            bytes_at(layout.segment_codes),
            bytes_at(layout.least_live),
            keeps ? reinterpret_cast<uint16_t *>(base + layout.kept_logits) : nullptr,
            keeps ? reinterpret_cast<float *>(base + layout.kept_maxima) : nullptr,
            lists ? reinterpret_cast<CandidateRange *>(base + layout.candidate_ranges) : nullptr,
            lists ? reinterpret_cast<CandidatePair *>(base + layout.candidates) : nullptr,
            lists ? reinterpret_cast<uint16_t *>(base + layout.candidate_places) : nullptr};
}

int32_t check_targets(const Problem &p, const StateHeader &header) {
    if (header.bad_row < 0) return CCE_OK;
    const int64_t target = p.target_of(header.bad_row);
    return fail(CCE_ERROR_TARGET,
                "target %lld at position %lld (sequence %lld, index %lld) is neither in [0, %lld) nor the ignore index "
                "%lld",
                static_cast<long long>(header.bad_target), static_cast<long long>(header.bad_row),
                static_cast<long long>(target / p.spec.time), static_cast<long long>(target % p.spec.time),
                static_cast<long long>(p.spec.classes), static_cast<long long>(p.spec.ignore_index));
}

}  // namespace cce
