// Dense products without a workspace of their own. Until the row of dC that belongs to a class is written, its memory
// is free: the products of a piece of the classes have their scratch in the rows of those behind it, and the sums of
// dE, in float32, are in the last rows. For the classes of these nothing is left: dE takes them without dC, then dC
// without dE, in pieces that shrink with the rows that are left; the last ones have their scratch where the lists of
// filtered/ were. The logits of those few classes are computed once more. Products of few classes have a way of their
// own (condensed.h).
#pragma once

#include <algorithm>
#include <vector>

#include "common/problem.h"

namespace cce::cuda {

// Some classes, and where the scratch of their products lies.
struct DensePiece {
    int64_t first_class;
    int64_t classes;
    bool embeddings;  // added to dE
    bool classifier;  // dC and db are written
    bool in_lists;    // `scratch` is an offset into the memory of the lists, else into dC
    int64_t scratch;
};

// What there is to divide, in classes and bytes.
struct InPlaceSizes {
    int64_t classes;
    int64_t most_classes;  // of a piece
    int64_t tile;          // pieces are whole tiles but for the last class
    int64_t row;           // of dC
    int64_t sums;          // of dE; 0 where it is summed in its own buffer
    int64_t lists;
    bool embeddings;       // whether there is a dE
};

struct InPlace {
    std::vector<DensePiece> pieces;  // those that add to dE come first; none: there is not enough memory
    int64_t sums;                    // offset into dC

    // scratch_bytes(classes): of a piece; grows with the classes.
    template <typename ScratchBytes>
    static InPlace of(const InPlaceSizes &sizes, ScratchBytes scratch_bytes);
};

// Most classes of a piece, up to `left`, whose scratch lies between begin(classes) and `end`.
template <typename ScratchBytes, typename Begin>
int64_t classes_that_fit(const InPlaceSizes &sizes, int64_t left, int64_t end, ScratchBytes scratch_bytes,
                         Begin begin) {
    int64_t fits = 0;
    int64_t over = std::min(div_up(left, sizes.tile), std::max<int64_t>(1, sizes.most_classes / sizes.tile)) + 1;
    while (over - fits > 1) {
        const int64_t middle = (fits + over) / 2;
        const int64_t classes = std::min(middle * sizes.tile, left);
        (begin(classes) + scratch_bytes(classes) <= end ? fits : over) = middle;
    }
    return std::min(fits * sizes.tile, left);
}

template <typename ScratchBytes>
InPlace InPlace::of(const InPlaceSizes &sizes, ScratchBytes scratch_bytes) {
    constexpr int64_t kLeastShared = 2048;  // classes of a piece for dE and dC: fewer take longer than once more
    const int64_t classes = sizes.classes;
    const int64_t end = classes * sizes.row;
    const auto row = [&](int64_t j) { return align_up(j * sizes.row); };
    InPlace in_place;
    in_place.sums = (end - sizes.sums) / kAlignment * kAlignment;
    std::vector<DensePiece> &pieces = in_place.pieces;
    const int64_t before_sums = sizes.sums > 0 ? in_place.sums : end;
    int64_t first = 0;
    while (sizes.embeddings && first < classes) {
        const int64_t here = classes_that_fit(sizes, classes - first, before_sums, scratch_bytes,
                                              [&](int64_t count) { return row(first + count); });
        if (here < std::min(kLeastShared, classes - first)) break;
        pieces.push_back({first, here, true, true, false, row(first + here)});
        first += here;
    }
    for (int64_t j = first; sizes.embeddings && j < classes;) {
        const int64_t here = classes_that_fit(sizes, classes - j, before_sums, scratch_bytes,
                                              [&](int64_t) { return row(first); });
        if (here == 0) return {};
        pieces.push_back({j, here, true, false, false, row(first)});
        j += here;
    }
    while (first < classes) {
        const int64_t in_dc = classes_that_fit(sizes, classes - first, end, scratch_bytes,
                                               [&](int64_t count) { return row(first + count); });
        const int64_t in_lists =
            classes_that_fit(sizes, classes - first, sizes.lists, scratch_bytes, [](int64_t) { return int64_t{0}; });
        const int64_t here = std::max(in_dc, in_lists);
        if (here == 0) return {};
        const bool to_lists = here == in_lists;
        pieces.push_back({first, here, false, true, to_lists, to_lists ? 0 : row(first + here)});
        first += here;
    }
    return in_place;
}

}  // namespace cce::cuda
