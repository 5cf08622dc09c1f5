// Who sweeps which logits. A worker (a thread block, or a cluster of them) keeps one tile of counting positions and
// goes through a run of class tiles. Row tiles are taken in panels, one panel after another: the workers share the
// tiles of a panel and split the vocabulary among those of a tile, so that they read the same classes at about the same
// time and a panel's embeddings stay in the L2 cache. How many positions count is known on the device alone; everything
// else follows from the shape, so each position's logits are cut into the same runs every time.
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
    int32_t splits;      // of the vocabulary; none of them is empty
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
    int32_t parts;        // thread blocks of a worker that share its classes and leave partial results of their own
    int32_t first_panel;  // the panels that one sweep takes: [first_panel, end_panel)
    int32_t end_panel;

    static constexpr int32_t kMostPanels = 8;  // of one sweep

    // `most_group`: row tiles whose embeddings a GPU keeps in its L2 cache.
    static Schedule of(const Problem &p, int32_t row_tile, int32_t class_tile, int32_t workers, int64_t most_group,
                       int32_t parts = 1) {
        Schedule schedule{row_tile, class_tile, 0, workers, 0, parts, 0, INT_MAX};
        schedule.class_tiles = static_cast<int32_t>(div_up(p.spec.classes, class_tile));
        schedule.group = static_cast<int32_t>(std::clamp<int64_t>(most_group, 1, workers));
        schedule.group = schedule.panel_tiles(schedule.group);
        return schedule;
    }

    // The same for fewer workers.
    Schedule with_workers(int32_t fewer) const {
        Schedule schedule = *this;
        schedule.workers = fewer;
        schedule.group = std::min(group, fewer);
        schedule.group = schedule.panel_tiles(schedule.group);
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

    // Entries of the partial results of `panels` panels.
    int64_t partials(int32_t panels) const { return static_cast<int64_t>(panels) * workers * parts * row_tile; }

    // Calls f(row_tile, first_class_tile, end_class_tile, slot) for each run of a worker, of which none is empty. The
    // results of row q of the tile and of this part belong at entry slot * row_tile + q of the partial results.
    template <typename F>
    __device__ void for_each_run(int64_t valid, int32_t worker, int32_t part, F f) const {
        for_each_panel(row_tiles(valid), [&](const Panel &panel) {
            const int32_t split = worker / panel.tiles;
            if (split >= panel.splits) return;
            f(panel.first_tile + worker % panel.tiles, class_tile_of(split, panel.splits),
              class_tile_of(split + 1, panel.splits),
              slot_of(panel, worker % panel.tiles, split * parts + part));
        });
    }

    // Where the partial results of counting position i lie.
    __device__ PartialPlaces places(int64_t valid, int64_t i) const {
        const auto tile = static_cast<int32_t>(i / row_tile);
        PartialPlaces places{0, 0, 0};
        for_each_panel(row_tiles(valid), [&](const Panel &panel) {
            const int32_t in_panel = tile - panel.first_tile;
            if (in_panel < 0 || in_panel >= panel.tiles) return;
            places = {static_cast<int64_t>(slot_of(panel, in_panel, 0)) * row_tile + i % row_tile,
                      static_cast<int64_t>(panel.tiles) * row_tile, panel.splits * parts};
        });
        return places;
    }

private:
    // Tiles of the next panel of `left`: as many as possible for which at most 1/64 of the workers have nothing to do.
    __host__ __device__ int32_t panel_tiles(int32_t left) const {
        int32_t tiles = left < group ? left : group;
        while (workers % tiles > workers / 64) --tiles;
        return tiles;
    }

    __device__ int32_t slot_of(const Panel &panel, int32_t tile_in_panel, int32_t part) const {
        return (panel.index - first_panel) * workers * parts + part * panel.tiles + tile_in_panel;
    }

    __host__ __device__ int32_t row_tiles(int64_t valid) const {
        return static_cast<int32_t>((valid + row_tile - 1) / row_tile);
    }

    __host__ __device__ int32_t class_tile_of(int32_t split, int32_t splits) const {
        return static_cast<int32_t>(static_cast<int64_t>(class_tiles) * split / splits);
    }

    template <typename F>
    __host__ __device__ void for_each_panel(int32_t tiles, F f) const {
        int32_t index = first_panel < tiles / group ? first_panel : tiles / group;  // full panels need no search
        int32_t first_tile = index * group;
        while (first_tile < tiles && index < end_panel) {
            const int32_t taken = panel_tiles(tiles - first_tile);
            const int32_t splits = workers / taken < class_tiles ? workers / taken : class_tiles;
            if (index >= first_panel) f(Panel{index, first_tile, taken, splits});
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

    Run runs[Schedule::kMostPanels];  // one a panel at most
    int32_t count;

    // For one thread to call.
    __device__ void fill(const Schedule &schedule, int64_t valid, int32_t worker) {
        int32_t filled = 0;
        schedule.for_each_run(valid, worker, 0,
                              [&](int32_t row_tile, int32_t first_class_tile, int32_t end_class_tile, int32_t slot) {
                                  runs[filled++] = {row_tile, first_class_tile, end_class_tile, slot};
                              });
        count = filled;
    }
};

}  // namespace cce::cuda
