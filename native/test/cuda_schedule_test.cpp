// Checks on the CPU how a sweep over the logits is divided (cuda/forward/schedule.cuh), for random numbers of
// positions, classes and workers. Every logit is swept once and every worker does its share; runs leave their results
// apart, within the room that was promised; and a position's results are found where its runs left them.
//
// cuda_schedule_test [SEED [CASES]]     exits with 1 if anything is wrong
#include <algorithm>
#include <cinttypes>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <random>
#include <string>
#include <tuple>
#include <vector>

#include "cuda/forward/schedule.cuh"
#include "support/check.h"
#include "support/random.h"

namespace cce::test {
namespace {

using cuda::PartialPlaces;
using cuda::Schedule;

struct ScheduleCase {
    Schedule schedule;
    int64_t rows;         // positions
    int64_t valid;        // of them that count
    int32_t panels_each;  // of a sweep
};

struct Run {
    int32_t row_tile, first_class_tile, end_class_tile;

    int32_t class_tiles() const { return end_class_tile - first_class_tile; }
    bool operator<(const Run &other) const {
        return std::tie(row_tile, first_class_tile) < std::tie(other.row_tile, other.first_class_tile);
    }
};

using RunsBySlot = std::map<int32_t, Run>;

int32_t small(int64_t least, int64_t most) { return static_cast<int32_t>(whole(least, most)); }

ScheduleCase random_case() {
    const int32_t row_tile = small(1, 8);
    const int32_t class_tile = small(1, 400);
    const int32_t workers = one_of({small(1, 10), small(1, 140), 66, 132});
    const int64_t class_tiles = whole(1, one_of({3, 30, 200, 2000}));
    Problem p = {};
    p.spec.classes = class_tiles * class_tile - whole(0, class_tile - 1);
    ScheduleCase c;
    c.schedule = Schedule::of(p, row_tile, class_tile, workers, whole(0, 40));
    if (chance(0.3)) c.schedule = c.schedule.with_even_panels();
    if (chance(0.2)) c.schedule = c.schedule.with_workers(small(1, workers));
    c.rows = whole(0, 100 * row_tile);
    c.valid = chance(0.5) ? c.rows : whole(0, c.rows);
    c.panels_each = small(1, Schedule::kMostPanels);
    return c;
}

std::string describe(const ScheduleCase &c) {
    const Schedule &s = c.schedule;
    return std::to_string(c.valid) + " of " + std::to_string(c.rows) + " positions in tiles of " +
           std::to_string(s.row_tile) + ", " + std::to_string(s.class_tiles) + " class tiles, " +
           std::to_string(s.workers) + " workers, panels of " + std::to_string(s.group) +
           (s.most_uneven > 0 ? ", perhaps uneven, " : ", ") + std::to_string(c.panels_each) + " a sweep";
}

RunsBySlot sweep(const Schedule &schedule, int64_t valid, std::vector<int64_t> *work) {
    RunsBySlot runs;
    for (int32_t worker = 0; worker < schedule.workers; ++worker) {
        int32_t count = 0;
        schedule.for_each_run(valid, worker, [&](int32_t tile, int32_t first, int32_t end, int32_t slot) {
            const Run run = {tile, first, end};
            check(runs.emplace(slot, run).second, "no two runs share a slot", slot);
            (*work)[worker] += run.class_tiles();
            ++count;
        });
        check(count <= Schedule::kMostRuns, "a worker's runs fit its list", count, Schedule::kMostRuns);
    }
    return runs;
}

void check_room(const Schedule &schedule, int32_t panels, const RunsBySlot &runs) {
    const int64_t room = schedule.partials(panels);
    check(schedule.panels_in(room) == panels, "panels that the room is for", schedule.panels_in(room), panels);
    if (runs.empty()) return;
    check(runs.begin()->first >= 0, "the first slot", runs.begin()->first);
    const int64_t end = (runs.rbegin()->first + int64_t{1}) * schedule.row_tile;
    check(end <= room, "the slots are in the room", static_cast<double>(end), static_cast<double>(room));
}

// Of each position of the sweep: its entries are those of all runs of its row tile. Counts them in `merged`.
void check_places(const Schedule &schedule, int64_t valid, const RunsBySlot &runs, std::vector<int> *merged) {
    for (int64_t i = 0; i < valid; ++i) {
        const PartialPlaces places = schedule.places(valid, i);
        if (places.count == 0) continue;
        ++(*merged)[i];
        int64_t class_tiles = 0;
        for (int32_t k = 0; k < places.count; ++k) {
            const int64_t entry = places.first + k * places.stride;
            const auto run = runs.find(static_cast<int32_t>(entry / schedule.row_tile));
            const bool own = run != runs.end() && run->second.row_tile == i / schedule.row_tile &&
                             entry % schedule.row_tile == i % schedule.row_tile;
            check(own, "an entry is the position's own", static_cast<double>(entry), static_cast<double>(i));
            if (own) class_tiles += run->second.class_tiles();
        }
        check(places.stride > 0 && class_tiles == schedule.class_tiles, "class tiles of a position's entries",
              static_cast<double>(class_tiles), schedule.class_tiles);
    }
}

// All class tiles of each row tile are swept, and none twice.
void check_cover(const ScheduleCase &c, std::vector<Run> runs) {
    std::sort(runs.begin(), runs.end());
    auto run = runs.begin();
    for (int32_t tile = 0; tile < div_up(c.valid, c.schedule.row_tile); ++tile) {
        int32_t end = 0;
        while (run != runs.end() && run->row_tile == tile && run->first_class_tile == end && run->class_tiles() > 0)
            end = run++->end_class_tile;
        check(end == c.schedule.class_tiles, "class tiles swept of a row tile", end, c.schedule.class_tiles);
    }
    check(run == runs.end(), "runs beyond those of the row tiles", static_cast<double>(runs.end() - run));
}

void check_case(const ScheduleCase &c) {
    Schedule schedule = c.schedule;
    const int32_t panels = schedule.most_panels(c.rows);
    std::vector<Run> all_runs;
    std::vector<int> merged(c.valid, 0);
    std::vector<int64_t> work(schedule.workers, 0);  // class tiles
    for (int32_t panel = 0; panel < panels; panel += c.panels_each) {
        schedule.first_panel = panel;
        schedule.end_panel = panel + c.panels_each;
        const RunsBySlot runs = sweep(schedule, c.valid, &work);
        check_room(schedule, c.panels_each, runs);
        check_places(schedule, c.valid, runs, &merged);
        for (const auto &slot : runs) all_runs.push_back(slot.second);
    }
    check_cover(c, all_runs);
    const bool once = std::all_of(merged.begin(), merged.end(), [](int times) { return times == 1; });
    check(once, "every position is merged in one sweep");
    const auto [least, most] = std::minmax_element(work.begin(), work.end());
    check(*most - *least <= panels, "class tiles between the most and the least of a worker",
          static_cast<double>(*most - *least), panels);
}

// Backward's panels, whose runs leave no partial results behind.
void check_equal_panels(const ScheduleCase &c) {
    const int32_t most_group = small(1, 40);
    const Schedule schedule = c.schedule.in_equal_panels(c.rows, most_group);
    current += ", in equal panels of up to " + std::to_string(most_group);
    std::vector<Run> runs;
    int64_t most_work = 0;
    for (int32_t worker = 0; worker < schedule.workers; ++worker) {
        int64_t work = 0;
        schedule.for_each_run(c.valid, worker, [&](int32_t tile, int32_t first, int32_t end, int32_t) {
            runs.push_back({tile, first, end});
            work += end - first;
        });
        most_work = std::max(most_work, work);
    }
    check_cover(c, runs);
    // Not more than if as few panels had been taken as are allowed.
    const int64_t tiles = std::max<int64_t>(1, div_up(c.rows, schedule.row_tile));
    const int64_t fewest = std::min<int64_t>(div_up(tiles, most_group), Schedule::kMostPanels);
    const int64_t limit = fewest * div_up(div_up(tiles, fewest) * schedule.class_tiles, schedule.workers);
    check(most_work <= limit, "class tiles of the busiest worker", static_cast<double>(most_work),
          static_cast<double>(limit));
}

int run(uint64_t seed, int64_t cases) {
    printf("seed %" PRIu64 ", %" PRId64 " cases\n", seed, cases);
    generator.seed(seed);
    for (int64_t i = 0; i < cases; ++i) {
        const ScheduleCase c = random_case();
        current = describe(c);
        check_case(c);
        check_equal_panels(c);
    }
    printf("%" PRId64 " checks, %" PRId64 " failures\n%s\n", checks(), failures(), failures() ? "FAILED" : "passed");
    return failures() == 0 ? 0 : 1;
}

}  // namespace
}  // namespace cce::test

int main(int count, char **arguments) {
    constexpr int64_t kCases = 5000;
    const uint64_t seed = count > 1 ? strtoull(arguments[1], nullptr, 10) : std::random_device()();
    return cce::test::run(seed, count > 2 ? strtoll(arguments[2], nullptr, 10) : kCases);
}
