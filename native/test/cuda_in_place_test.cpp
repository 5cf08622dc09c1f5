// Checks on the CPU how dense products are placed in the gradient that they fill (cuda/backward/in_place.h), for random
// sizes: no piece has its scratch where dC is complete, where sums of dE still lie, or beyond the memory; dE and dC get
// every class once, dE before its sums are overwritten. And how rows of condensed products move to their places
// (cuda/backward/row_moves.h), for random classes: in whatever order those move that may move at the same time, none is
// overwritten before it is read.
//
// cuda_in_place_test [SEED [CASES]]     exits with 1 if anything is wrong
#include <algorithm>
#include <cinttypes>
#include <cstdio>
#include <cstdlib>
#include <random>
#include <string>
#include <vector>

#include "cuda/backward/in_place.h"
#include "cuda/backward/row_moves.h"
#include "support/check.h"
#include "support/random.h"

namespace cce::test {
namespace {

using cuda::DensePiece;
using cuda::InPlace;
using cuda::InPlaceSizes;
using cuda::RowMoves;

struct PlaceCase {
    InPlaceSizes sizes;
    int64_t class_bytes;  // of scratch
    int64_t fixed_bytes;

    int64_t scratch_bytes(int64_t classes) const { return align_up(fixed_bytes + classes * class_bytes); }
};

PlaceCase random_case() {
    const int64_t rows = one_of({whole(1, 300), whole(300, 20000)});
    const int64_t hidden = 8 * whole(1, one_of({8, 64, 640}));
    PlaceCase c;
    c.class_bytes = 2 * rows * whole(1, 2);
    c.fixed_bytes = whole(0, 1) * 8 * rows;
    c.sizes.classes = whole(1, one_of({300, 5000, 300000}));
    c.sizes.most_classes = whole(0, one_of({2000, 100000}));
    c.sizes.tile = one_of({128, 192});
    c.sizes.row = hidden * one_of({2, 4});
    c.sizes.embeddings = chance(0.8);
    c.sizes.sums = c.sizes.embeddings && chance(0.7) ? rows * hidden * 4 : 0;
    c.sizes.lists = c.scratch_bytes(c.sizes.tile) * whole(0, 8) / 2;
    return c;
}

std::string describe(const PlaceCase &c) {
    return std::to_string(c.sizes.classes) + " classes, rows of " + std::to_string(c.sizes.row) + " bytes, sums of " +
           std::to_string(c.sizes.sums) + ", lists of " + std::to_string(c.sizes.lists) + ", scratch of " +
           std::to_string(c.class_bytes) + " a class and " + std::to_string(c.fixed_bytes);
}

void check_piece(const PlaceCase &c, const InPlace &in_place, const DensePiece &piece, int64_t complete) {
    const int64_t end = piece.scratch + c.scratch_bytes(piece.classes);
    check(piece.classes > 0 && piece.first_class + piece.classes <= c.sizes.classes, "the classes exist");
    check(piece.scratch % kAlignment == 0, "scratch is aligned");
    if (piece.in_lists) {
        check(piece.scratch >= 0 && end <= c.sizes.lists, "scratch is in the memory of the lists");
        check(!piece.embeddings, "lists are read until dE is there");
        return;
    }
    const bool sums = piece.embeddings && c.sizes.sums > 0;
    check(end <= (sums ? in_place.sums : c.sizes.classes * c.sizes.row), "scratch ends in dC, before the sums of dE");
    check(piece.scratch >= complete * c.sizes.row, "scratch begins behind what is complete");
}

void check_case(const PlaceCase &c) {
    const InPlace in_place = InPlace::of(c.sizes, [&](int64_t classes) { return c.scratch_bytes(classes); });
    const bool possible = c.scratch_bytes(std::min(c.sizes.tile, c.sizes.classes)) <= c.sizes.lists &&
                          c.sizes.sums + c.scratch_bytes(c.sizes.tile) + 2 * kAlignment <=
                              c.sizes.classes * c.sizes.row;
    check(!possible || !in_place.pieces.empty(), "there is a way where there is enough memory");
    int64_t of_embeddings = 0;
    int64_t of_classifier = 0;
    for (const DensePiece &piece : in_place.pieces) {
        if (piece.embeddings) {
            check(piece.first_class == of_embeddings, "dE gets the classes one after another");
            of_embeddings += piece.classes;
        } else {
            check(!c.sizes.embeddings || of_embeddings == c.sizes.classes,
                  "dE is there before dC takes its sums' place");
        }
        if (piece.classifier) {
            check(piece.first_class == of_classifier, "dC gets the classes one after another");
            of_classifier += piece.classes;
        }
        check_piece(c, in_place, piece, of_classifier);
    }
    if (in_place.pieces.empty()) return;
    check(of_classifier == c.sizes.classes, "dC gets all classes");
    check(!c.sizes.embeddings || of_embeddings == c.sizes.classes, "dE gets all classes");
}

struct MoveCase {
    int64_t rows;
    std::vector<int64_t> classes;
    int64_t batch;  // of places that are read before any of them is written
};

// Live classes in runs, most of them near the end in half of the cases.
MoveCase random_moves() {
    MoveCase c;
    c.rows = whole(1, one_of({8, 100, 2000}));
    c.batch = whole(1, one_of({3, 64, 1024}));
    const double share = real(0, 1);
    const int64_t first = chance(0.5) ? whole(0, c.rows - 1) : 0;
    const int64_t run = whole(1, one_of({2, 50, 1000}));
    bool live = true;
    for (int64_t j = first; j < c.rows; ++j) {
        if ((j - first) % run == 0) live = chance(share);
        if (live) c.classes.push_back(j);
    }
    return c;
}

std::string describe(const MoveCase &c) {
    std::string text = std::to_string(c.rows) + " rows, batches of " + std::to_string(c.batch) + ", classes";
    for (const int64_t j : c.classes) text += " " + std::to_string(j);
    return text;
}

std::vector<int64_t> shuffled(int64_t begin, int64_t end) {
    std::vector<int64_t> places;
    for (int64_t place = begin; place < end; ++place) places.push_back(place);
    std::shuffle(places.begin(), places.end(), generator);
    return places;
}

void check_moves(const MoveCase &c) {
    constexpr int64_t kNothing = -1;
    const RowMoves moves = {c.classes.data(), static_cast<int64_t>(c.classes.size()), c.rows};
    std::vector<int64_t> content(c.rows, kNothing);
    for (int64_t place = 0; place < moves.count; ++place) content[moves.source(place)] = place;
    const int64_t first_within = moves.first_within();
    for (int64_t place = 0; place < moves.count; ++place) {
        check(moves.destination(place) <= moves.source(place), "no row moves up");
        check(moves.leaves_last(place) == (place < first_within), "rows that leave the last ones come first");
    }
    for (const int64_t place : shuffled(0, first_within))
        content[moves.destination(place)] = content[moves.source(place)];
    for (int64_t first = first_within; first < moves.count; first += c.batch) {
        const int64_t end = std::min(first + c.batch, moves.count);
        std::vector<int64_t> read(end - first);
        for (int64_t place = first; place < end; ++place) read[place - first] = content[moves.source(place)];
        for (const int64_t place : shuffled(first, end)) content[moves.destination(place)] = read[place - first];
    }
    for (int64_t place = 0; place < moves.count; ++place)
        check(content[moves.destination(place)] == place, "every row gets to its place");
}

int run(uint64_t seed, int64_t cases) {
    printf("seed %" PRIu64 ", %" PRId64 " cases\n", seed, cases);
    generator.seed(seed);
    for (int64_t i = 0; i < cases; ++i) {
        const PlaceCase c = random_case();
        current = describe(c);
        check_case(c);
        const MoveCase moves = random_moves();
        current = describe(moves);
        check_moves(moves);
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
