#include "cuda/filtered/filtered.h"

#include <algorithm>

#include "cuda/device.h"
#include "cuda/dispatch.h"
#include "cuda/filtered/kernels.h"

namespace cce::cuda::filtered {
namespace {

// What the lists, the bits of live positions and the codes of the state may take together, in bytes a position; but
// room for this many entries in any case.
constexpr int64_t kRowBytes = 2380;
constexpr int64_t kLeastRowEntries = 104;
constexpr int64_t kEntryBytes = 8;
constexpr int64_t kFewUnits = 7168;
constexpr double kLeastShare = 0.125;  // of the threshold by the probability of a class if all were equal

// Entries a position that the lists have room for.
int64_t row_entries(int64_t tiles) {
    const int64_t bits = tiles * static_cast<int64_t>(sizeof(Live) + sizeof(uint32_t)) / kBlockRows;
    return std::max(kLeastRowEntries, (kRowBytes - tiles - bits) / kEntryBytes);
}

bool filters(double threshold, int32_t gradients, int32_t mask) { return (gradients & mask) == 0 || threshold > 0.0; }

double least_filter(const Problem &p) {
    const double e = p.spec.filter_embeddings;
    const double c = p.spec.filter_classifier;
    return e > 0.0 && c > 0.0 ? std::min(e, c) : std::max(e, c);
}

}  // namespace

// Not where a filter keeps everything, or where what label smoothing adds is not of rank one. With so few classes that
// most may be kept, dense products are faster.
bool applies(const Problem &p) {
    const int32_t of_classifier = CCE_GRADIENT_CLASSIFIER | CCE_GRADIENT_BIAS;
    if (p.spec.dtype == CCE_F32 || p.spec.gradients == 0 || p.rows == 0) return false;
    if (!filters(p.spec.filter_embeddings, p.spec.gradients, CCE_GRADIENT_EMBEDDINGS)) return false;
    if (!filters(p.spec.filter_classifier, p.spec.gradients, of_classifier)) return false;
    if (p.spec.label_smoothing > 0.0 && p.spec.softcap > 0.0) return false;
    if (least_filter(p) * static_cast<double>(p.spec.classes) < kLeastShare) return false;
    if (p.tokens > INT32_MAX || p.spec.classes > INT32_MAX - kTileClasses) return false;
    if (p.spec.hidden > INT32_MAX / 4) return false;
    const Family &family = family_of_device(p.spec.device);
    return family.filtered_units != nullptr && family.can_filter(traits_of(p.spec.device));
}

Scratch Scratch::at(const Problem &p, Carver *carver) {
    const int64_t tiles = div_up(p.spec.classes, kTileClasses);
    const int64_t blocks = div_up(p.rows, kBlockRows);
    // Room at least for one position with all classes and one class with all positions, in units and entries.
    const int64_t entries =
        std::min(std::max(row_entries(tiles) * p.rows, p.spec.classes), p.rows * p.spec.classes);
    static_assert(kLeastRowEntries >= kGroupClasses);
    // A tile that overlaps two segments is live where one of them is.
    const bool exact_segments = family_of_device(p.spec.device).segment_classes == kTileClasses;
    const int64_t live = tiles * blocks / (exact_segments ? 16 : 2);
    const int64_t units = std::min(std::max({live, kFewUnits, tiles, blocks}), tiles * blocks);
    Scratch scratch;
    Lists &lists = scratch.lists;
    lists.counters = carver->take<Counters>(2);  // of all, and of a window
    lists.of_all = lists.counters;
    lists.live = carver->take<Live>(tiles * blocks);
    lists.rank = carver->take<uint32_t>(tiles * blocks);
    lists.tile_rows = carver->take<uint32_t>(tiles);
    lists.tile_unit = carver->take<uint32_t>(tiles + 1);
    lists.tile_pair = carver->take<uint32_t>(tiles + 1);
    lists.row_entries = carver->take<uint32_t>(p.rows);
    lists.group_entries = carver->take<uint32_t>(tiles * (kTileClasses / kGroupClasses));
    const int64_t heavy = entries / kLightEntries + 1;
    lists.heavy = carver->take<uint32_t>(heavy);
    lists.units = carver->take<Unit>(units);
    const int64_t entries_begin = carver->bytes();
    lists.logits = carver->take<float>(entries);
    lists.slots = carver->take<uint8_t>(entries);
    lists.classes = carver->take<uint8_t>(entries);
    lists.places = carver->take<uint16_t>(entries);
    scratch.entry_bytes = carver->bytes() - entries_begin;
    lists.tiles = static_cast<int32_t>(tiles);
    lists.blocks = static_cast<int32_t>(blocks);
    lists.most_entries = static_cast<uint32_t>(std::min<int64_t>(entries, UINT32_MAX));
    lists.most_units = static_cast<uint32_t>(std::min<int64_t>(units, UINT32_MAX));
    lists.most_heavy = static_cast<uint32_t>(std::min<int64_t>(heavy, UINT32_MAX));
    scratch.least_live = carver->take<uint8_t>(blocks * kBlockRows);
    scratch.target_tile = carver->take<int32_t>(blocks * kBlockRows);
    const bool smoothing = p.spec.label_smoothing > 0.0;
    scratch.partials = carver->take<float>(smoothing ? smoothing_partials(p) : 0);
    scratch.classes_sum = carver->take<float>(smoothing ? p.spec.hidden + 1 : 0);
    scratch.rows_sum = carver->take<float>(smoothing ? p.spec.hidden + 1 : 0);
    return scratch;
}

Work Pass::work() const {
    const bool smoothing = p.spec.label_smoothing > 0.0;
    return {logits,
            tokens,
            rows,
            control,
            state.header,
            state.segment_codes,
            State::segment_pitch(p),
            scratch.least_live,
            scratch.target_tile,
            scratch.lists,
            terms,
            frequent,
            Candidates::of(p, state),
            embeddings,
            classifier,
            bias,
            kept,
            p.rows,
            may_leave && kept == nullptr,
            smoothing ? scratch.classes_sum : nullptr,
            smoothing ? scratch.rows_sum : nullptr};
}

int32_t Pass::mark() const {
    CCE_TRY(prepare_positions(p, work(), state.least_live, scratch.least_live, scratch.target_tile, stream));
    CCE_TRY(filtered::mark(p, work(), stream));
    return may_leave_early ? leave_lists(work(), control, stream) : CCE_OK;
}

int32_t Pass::list() const {
    if (state.candidates != nullptr) CCE_TRY(list_candidates(p, work(), stream));
    CCE_TRY(family_of_device(p.spec.device).filtered_units(p, work(), stream));
    return may_leave ? leave_lists(work(), control, stream) : CCE_OK;
}

int32_t Pass::mark_classes(int32_t (*kernel)(const Problem &, const Work &, uint8_t *, cudaStream_t), uint8_t *marks,
                           int64_t bytes) const {
    Work all = work();
    all.may_stop = false;
    CCE_TRY(try_condensing(all, marks, bytes, control, stream));
    return kernel(p, all, marks, stream);
}

int32_t Pass::list_terms() const {
    if (!terms.exist()) return CCE_OK;
    const Work all = work();
    if (all.wants_classes() || frequent.most > 0) {
        CCE_TRY(count_classes(all, stream));
        CCE_TRY(number_classes(p, all, control, stream));
        CCE_TRY(prepare_frequent(p, all, stream));
        CCE_TRY(list_class_terms(p, all, stream));
        CCE_TRY(sum_frequent_biases(p, all, stream));
    }
    return all.wants_rows() ? list_row_terms(p, all, stream) : CCE_OK;
}

int32_t Pass::sum() const {
    CCE_TRY(sum_frequent_partials(p, work(), stream));
    if (p.spec.label_smoothing > 0.0) {
        if (embeddings.array != nullptr)
            CCE_TRY(sum_classifier(p, work(), scratch.partials, scratch.classes_sum, stream));
        if (classifier.array != nullptr || bias.array != nullptr)
            CCE_TRY(sum_embeddings(p, work(), scratch.partials, scratch.rows_sum, stream));
    }
    CCE_TRY(launch_passes(p, work(), stream));
    if (may_leave) return CCE_OK;
    Work in_windows = work();
    ++in_windows.lists.counters;
    in_windows.frequent.most = 0;
    return family_of_device(p.spec.device).filtered_windows(p, in_windows, stream);
}

}  // namespace cce::cuda::filtered
