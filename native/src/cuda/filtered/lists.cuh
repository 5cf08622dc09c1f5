// The lists behind filtered gradients: which logits the filters keep. Of 256,000 classes a position keeps a few dozen,
// so their products with E and C are sums of a few rows and not matrix products.
//
// The logits are cut into tiles of 192 classes and blocks of 128 counting positions. A position is live in a tile if
// its target is there or if the forward pass could not rule out that something is kept; only live positions are
// computed again, up to 128 of a tile at a time: a unit. What a unit keeps are its entries, listed twice: by class and
// by position. A window is a part of the positions and classes whose entries fit into the lists; mostly that is all.
#pragma once

#include <cstdint>

#include "common/problem.h"

namespace cce::cuda::filtered {

constexpr int kBlockRows = 128;    // one bit each in Live
constexpr int kTileClasses = 192;
constexpr int kUnitRows = 128;
constexpr int kGroupClasses = 8;   // whose entries are counted together
constexpr int kBars = 12;          // numbers of entries from which on a class may count as frequent (frequent.h)

// The live positions of a block in a tile.
struct alignas(16) Live {
    uint32_t words[kBlockRows / 32];
};

struct Unit {
    uint32_t first;                      // of its entries
    uint16_t rows[kUnitRows + 1];        // those of slot s are [rows[s], rows[s + 1]) by position
    uint16_t classes[kTileClasses + 1];  // those of class c of the tile are [classes[c], classes[c + 1]) by class
};

struct Window {
    int32_t first_row, end_row;      // counting positions
    int32_t first_class, end_class;

    __host__ __device__ int32_t first_tile() const { return first_class / kTileClasses; }
    __host__ __device__ int32_t end_tile() const { return (end_class + kTileClasses - 1) / kTileClasses; }
    __host__ __device__ int32_t first_block() const { return first_row / kBlockRows; }
    __host__ __device__ int32_t end_block() const { return (end_row + kBlockRows - 1) / kBlockRows; }
};

struct Counters {
    unsigned long long entries;  // that were kept, whether or not they fitted
    uint32_t units;
    uint32_t heavy;     // classes of more than kLightEntries
    uint32_t heaviest;  // and of more than kHeavyEntries
    // Parts of the sums that warps have taken. Who sums what depends on timing, the sums do not.
    unsigned long long rows, groups, classes;
    unsigned long long row_terms;  // that have their place among those by position
    // At each bar: classes that clear it, and their entries.
    uint32_t frequent[kBars];
    unsigned long long frequent_entries[kBars];
};

struct Lists {
    Counters *counters;        // of what is in the lists
    const Counters *of_all;    // of the window of all
    Live *live;                // (tiles, blocks)
    uint32_t *rank;            // (tiles, blocks): live positions of the tile and window before the block
    uint32_t *tile_rows;       // (tiles): live positions of the window
    uint32_t *tile_unit;       // (tiles + 1): first unit of each tile
    uint32_t *tile_pair;       // (tiles + 1), of the window of all: the same of its units two by two
    uint32_t *row_entries;     // (R)
    uint32_t *group_entries;   // (V / kGroupClasses)
    uint32_t *heavy;           // classes: the heaviest from the front, the others from the back
    Unit *units;
    float *logits;             // by class: the logit
    uint8_t *slots;            // by class: its position's slot in the unit
    uint8_t *classes;          // by position: its class in the tile
    uint16_t *places;          // by position: its place in the order by class
    int32_t tiles, blocks;
    uint32_t most_entries, most_units, most_heavy;

    __device__ bool hold_everything() const {
        return of_all->entries <= most_entries && of_all->units <= most_units;
    }
};

constexpr int kLightEntries = 40;   // most of a class that a warp sums together with its neighbours
constexpr int kHeavyEntries = 128;  // most of a class that a warp sums alone

}  // namespace cce::cuda::filtered
