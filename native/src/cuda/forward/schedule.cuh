// Who sweeps which logits. A worker (a thread block) keeps one tile of counting positions and goes through a run of
// class tiles. Row tiles are taken in panels, one panel after another, whose embeddings stay in
// the L2 cache: the logits of a panel, row tile by row tile, are cut into equal runs of class tiles, one a worker. The
// tiles of a full panel divide the workers, so that runs of different row tiles begin at the same classes and go
// through them at about the same time. How many positions count is known on the device alone; everything else follows
// from the shape, so each position's logits are cut into the same runs every time.
#pragma once

#include <cuda_runtime.h>

#include <algorithm>
#include <climits>

#include "common/problem.h"

namespace cce::cuda {

struct Panel {
    int32_t index;
    int32_t first_tile;  // row tiles [first_tile, first_tile + tiles)
    int32_t tiles;
    int32_t workers;     // that have something to do
    int32_t slots;       // of the partial results of the panels before it
};

// The partial results of one position: `count` entries from `first` on, `stride` apart.
struct PartialPlaces {
    int64_t first;
    int64_t stride;
    int32_t count;  // 0 for a position that this sweep does not take
};

struct Schedule {
    int32_t row_tile;     // counting positions of a tile
    int32_t class_tile;   // classes of a tile
    int32_t class_tiles;
    int32_t workers;
    int32_t group;        // row tiles of a full panel
    int32_t first_panel;  // the panels that one sweep takes: [first_panel, end_panel)
    int32_t end_panel;
    int32_t most_uneven;  // tiles of a last panel that need not divide the workers

    static constexpr int32_t kMostPanels = 8;               // of one sweep
    static constexpr int32_t kMostRuns = 2 * kMostPanels;   // of a worker in one sweep

    // `most_group`: row tiles whose embeddings a GPU keeps in its L2 cache.
    static Schedule of(const Problem &p, int32_t row_tile, int32_t class_tile, int32_t workers, int64_t most_group) {
        Schedule schedule{row_tile, class_tile, 0, workers, 0, 0, INT_MAX, workers / 16};
        schedule.class_tiles = static_cast<int32_t>(div_up(p.spec.classes, class_tile));
        schedule.group = schedule.divisor(static_cast<int32_t>(std::clamp<int64_t>(most_group, 1, workers)));
        return schedule;
    }

    // The same without uneven panels, which need more room for their partial results.
    Schedule with_even_panels() const {
        Schedule schedule = *this;
        schedule.most_uneven = 0;
        return schedule;
    }

    // The same with `rows` in panels of one size, up to `most_group` tiles unless that makes too many for one sweep: of
    // the sizes that leave the busiest worker the least to do, the smallest. For so few classes that the length of runs
    // matters more than the classes that they share.
    Schedule in_equal_panels(int64_t rows, int64_t most_group) const {
        const int64_t tiles = std::max<int64_t>(1, div_up(rows, row_tile));
        const int64_t fewest = std::min<int64_t>(div_up(tiles, std::max<int64_t>(most_group, 1)), kMostPanels);
        const auto most_work = [&](int64_t panels) {
            return panels * div_up(div_up(tiles, panels) * class_tiles, workers);
        };
        int64_t best = fewest;
        for (int64_t panels = fewest + 1; panels <= std::min<int64_t>(tiles, kMostPanels); ++panels)
            if (most_work(panels) <= most_work(best)) best = panels;
        Schedule schedule = *this;
        schedule.group = static_cast<int32_t>(div_up(tiles, best));
        schedule.most_uneven = schedule.group;
        return schedule;
    }

    // The same for fewer workers.
    Schedule with_workers(int32_t fewer) const {
        Schedule schedule = *this;
        schedule.workers = fewer;
        schedule.group = schedule.divisor(std::min(group, fewer));
        return schedule;
    }

    // Most panels that up to `rows` counting positions give; not monotonic in their number.
    int32_t most_panels(int64_t rows) const {
        const auto most_tiles = static_cast<int32_t>(div_up(rows, row_tile));
        int32_t most = 0;
        for (int32_t tiles = std::max(0, most_tiles - group); tiles <= most_tiles; ++tiles) {
            int32_t panels = 0;
            for_each_panel(tiles, [&](const Panel &) { ++panels; });
            most = std::max(most, panels);
        }
        return most;
    }

    // Most entries of the partial results of `panels` panels, of which only the last one may be uneven.
    int64_t partials(int32_t panels) const {
        return (static_cast<int64_t>(panels) * workers + std::min(group, most_uneven)) * row_tile;
    }

    // Most panels whose partial results have room for `entries` entries.
    int32_t panels_in(int64_t entries) const {
        const int64_t panels = (entries / row_tile - std::min(group, most_uneven)) / workers;
        return static_cast<int32_t>(std::min<int64_t>(panels, kMostPanels));
    }

    // Calls f(row_tile, first_class_tile, end_class_tile, slot) for each run of a worker, of which none is empty. The
    // results of row q of the tile belong at entry slot * row_tile + q of the partial results.
    template <typename F>
    __device__ void for_each_run(int64_t valid, int32_t worker, F f) const {
        for_each_panel(row_tiles(valid), [&](const Panel &panel) {
            if (worker >= panel.workers) return;
            int64_t unit = first_unit(panel, worker);
            const int64_t end = first_unit(panel, worker + 1);
            while (unit < end) {
                const auto tile = static_cast<int32_t>(unit / class_tiles);
                const int64_t tile_end = static_cast<int64_t>(tile + 1) * class_tiles;
                const int64_t run_end = tile_end < end ? tile_end : end;
                const int64_t tile_start = tile_end - class_tiles;
                f(panel.first_tile + tile, static_cast<int32_t>(unit - tile_start),
                  static_cast<int32_t>(run_end - tile_start), slot_of(panel, tile, worker));
                unit = run_end;
            }
        });
    }

    // Where the partial results of counting position i lie.
    __device__ PartialPlaces places(int64_t valid, int64_t i) const {
        const auto tile = static_cast<int32_t>(i / row_tile);
        PartialPlaces places{0, 0, 0};
        for_each_panel(row_tiles(valid), [&](const Panel &panel) {
            const int32_t in_panel = tile - panel.first_tile;
            if (in_panel < 0 || in_panel >= panel.tiles) return;
            const int32_t first = worker_of(panel, static_cast<int64_t>(in_panel) * class_tiles);
            const int32_t last = worker_of(panel, static_cast<int64_t>(in_panel + 1) * class_tiles - 1);
            places = {static_cast<int64_t>(slot_of(panel, in_panel, first)) * row_tile + i % row_tile, row_tile,
                      last - first + 1};
        });
        return places;
    }

private:
    // The largest divisor of the workers up to `most`.
    __host__ __device__ int32_t divisor(int32_t most) const {
        while (workers % most != 0) --most;
        return most;
    }

    // Tiles of the next panel of `left`. A panel that is not full divides the workers too, unless it is so small that
    // reading the same classes at different times costs less than the rounding of short runs.
    __host__ __device__ int32_t panel_tiles(int32_t left) const {
        if (left >= group) return group;
        return left <= most_uneven ? left : divisor(left);
    }

    // The logits of a panel in units of class tiles, row tile by row tile: worker w has those from first_unit(w) on.
    __device__ int64_t first_unit(const Panel &panel, int32_t worker) const {
        return static_cast<int64_t>(panel.tiles) * class_tiles * worker / panel.workers;
    }

    // The worker whose run holds a unit.
    __device__ int32_t worker_of(const Panel &panel, int64_t unit) const {
        const int64_t units = static_cast<int64_t>(panel.tiles) * class_tiles;
        return static_cast<int32_t>(((unit + 1) * panel.workers - 1) / units);
    }

    // Runs of one panel in the order of their units: each is of the next worker or the next tile, or of both.
    __device__ int32_t slot_of(const Panel &panel, int32_t tile_in_panel, int32_t worker) const {
        const bool even = panel.workers % panel.tiles == 0;  // no worker has two tiles
        return panel.slots + worker + (even ? 0 : tile_in_panel);
    }

    __host__ __device__ int32_t row_tiles(int64_t valid) const {
        return static_cast<int32_t>((valid + row_tile - 1) / row_tile);
    }

    template <typename F>
    __host__ __device__ void for_each_panel(int32_t tiles, F f) const {
        int32_t index = first_panel < tiles / group ? first_panel : tiles / group;  // full panels need no search
        int32_t first_tile = index * group;
        while (first_tile < tiles && index < end_panel) {
            const int32_t taken = panel_tiles(tiles - first_tile);
            const int64_t units = static_cast<int64_t>(taken) * class_tiles;
            const auto busy = static_cast<int32_t>(units < workers ? units : workers);
            if (index >= first_panel) f(Panel{index, first_tile, taken, busy, (index - first_panel) * workers});
            first_tile += taken;
            ++index;
        }
    }
};

// The runs of a worker in shared memory, where they take no registers.
struct RunList {
    struct Run {
        int32_t row_tile;
        int32_t first_class_tile;
        int32_t end_class_tile;
        int32_t slot;
    };

    Run runs[Schedule::kMostRuns];
    int32_t count;

    // For one thread to call.
    __device__ void fill(const Schedule &schedule, int64_t valid, int32_t worker) {
        int32_t filled = 0;
        schedule.for_each_run(valid, worker,
                              [&](int32_t row_tile, int32_t first_class_tile, int32_t end_class_tile, int32_t slot) {
                                  runs[filled++] = {row_tile, first_class_tile, end_class_tile, slot};
                              });
        count = filled;
    }
};

}  // namespace cce::cuda
