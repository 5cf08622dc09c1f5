// Gradients as sums of the rows that a list names: sum_k dz[k] * M[row[k]], by a warp. Memory bounds it, so a lane asks
// for many pieces of several rows before it uses any.
#pragma once

#include "cuda/filtered/work.cuh"

namespace cce::cuda::filtered {

constexpr int kMostTerms = 1280;    // of some classes, for a warp, in shared memory
constexpr int kPiece = 8;           // neighbouring elements of a lane
constexpr int kPieces = 4;          // of a lane, kWarp apart: what a warp sums at a time
constexpr int kSpan = kPieces * kWarp * kPiece;
constexpr int kRowsAtOnce = 3;
static_assert(kMostTerms >= kWarp * kLightEntries, "the light classes of a warp fit");

// Elements [first, end) of a gradient's rows.
struct Spans {
    int64_t first, end;
};

// Numbers that the warps of a grid take one by one. Each asks for its next one before it uses the last.
class Numbers {
public:
    __device__ explicit Numbers(unsigned long long *taken) : taken_(taken) { ask(); }

    __device__ int64_t take() {
        const int64_t number = __shfl_sync(kAllLanes, static_cast<int64_t>(next_), 0);
        ask();
        return number;
    }

private:
    // As atomicAdd by the first lane, for which the compiler would wait at once.
    __device__ void ask() {
        if (lane_of() == 0)
            asm volatile("atom.global.add.u64 %0, [%1], 1;" : "=l"(next_) : "l"(taken_) : "memory");
    }

    unsigned long long *const taken_;
    uint64_t next_ = 0;
};

// Calls f(item, spans) in the warps of the grid, for all of each of `count` items or, if that leaves warps idle, for
// each span of `width` elements on its own. Items differ in size: a warp takes its next part when it is done with one;
// `taken` counts them.
template <typename F>
__device__ void for_each_part(unsigned long long *taken, int32_t count, int64_t width, F f) {
    constexpr int kRoundsToBusy = 2;
    const int64_t spans = (width + kSpan - 1) / kSpan;
    const int64_t parts = count < kRoundsToBusy * grid_warps() ? spans : 1;
    Numbers numbers(taken);
    for (int64_t part = numbers.take(); part < count * parts; part = numbers.take()) {
        const int64_t first = part % parts * kSpan;
        f(static_cast<int32_t>(part / parts), parts == 1 ? Spans{0, width} : Spans{first, first + kSpan});
    }
}

// The same span by span: all warps are at about the same part of the rows that they sum, which stays in the L2 cache.
template <typename F>
__device__ void for_each_span(unsigned long long *taken, int32_t count, int64_t width, F f) {
    const int64_t spans = (width + kSpan - 1) / kSpan;
    Numbers numbers(taken);
    for (int64_t part = numbers.take(); part < count * spans; part = numbers.take()) {
        const int64_t first = part / count * kSpan;
        f(static_cast<int32_t>(part % count), Spans{first, first + kSpan});
    }
}

using Terms = Term[kMostTerms];
using SpanSum = float[kPieces][kPiece];

// First element of piece `piece` of this lane in the span from `first` on.
__device__ inline int64_t piece_of(int64_t first, int piece) {
    return first + (piece * kWarp + lane_of()) * kPiece;
}

template <typename T>
struct Piece {
    T elements[kPiece];
};

template <typename T, bool kAligned>
__device__ __forceinline__ Piece<T> load_piece(const T *from, int64_t at, int64_t width) {
    Piece<T> piece;
    if constexpr (kAligned) {
        static_assert(sizeof(Piece<T>) == sizeof(uint4));
        *reinterpret_cast<uint4 *>(&piece) = at < width ? __ldg(reinterpret_cast<const uint4 *>(from + at)) : uint4{};
    } else {
#pragma unroll
        for (int k = 0; k < kPiece; ++k) piece.elements[k] = at + k < width ? from[at + k] : T(0.0f);
    }
    return piece;
}

// The span of some rows, and their factors.
template <typename T, bool kAligned>
struct RowsOfSpan {
    static constexpr int kRows = kRowsAtOnce;

    Piece<T> pieces[kRows][kPieces];
    float dz[kRows];

    // Asks for those of terms [0, count), which may be more or fewer.
    __device__ __forceinline__ void load(const Term *terms, int32_t count, const T *matrix, int64_t width,
                                         int64_t first) {
#pragma unroll
        for (int r = 0; r < kRows; ++r) {
            // In place of a term that does not exist, 0 times a row that is not read, for it may be infinite.
            const bool exists = r < count;
            const Term term = terms[exists ? r : 0];
            dz[r] = exists ? term.dz : 0.0f;
            const T *row = matrix + term.row * width;
#pragma unroll
            for (int p = 0; p < kPieces; ++p)
                pieces[r][p] = load_piece<T, kAligned>(row, exists ? piece_of(first, p) : width, width);
        }
    }

    __device__ __forceinline__ void add(SpanSum &sum, int r) const {
#pragma unroll
        for (int p = 0; p < kPieces; ++p)
#pragma unroll
            for (int e = 0; e < kPiece; ++e)
                sum[p][e] = fmaf(dz[r], to_float(pieces[r][p].elements[e]), sum[p][e]);
    }

    // The second row becomes the first, and so on.
    __device__ __forceinline__ void advance() {
#pragma unroll
        for (int r = 1; r < kRows; ++r) {
#pragma unroll
            for (int p = 0; p < kPieces; ++p) pieces[r - 1][p] = pieces[r][p];
            dz[r - 1] = dz[r];
        }
    }
};

// Adds terms [0, count) in their order.
template <typename T, bool kAligned>
__device__ void add_terms(SpanSum &sum, const Term *terms, int32_t count, const void *matrix, int64_t width,
                          int64_t first) {
    using Rows = RowsOfSpan<T, kAligned>;
    for (int32_t k = 0; k < count; k += Rows::kRows) {
        Rows rows;
        rows.load(terms + k, count - k, static_cast<const T *>(matrix), width, first);
#pragma unroll
        for (int r = 0; r < Rows::kRows; ++r) rows.add(sum, r);
    }
}

// What label smoothing contributes: -factor times a vector (NULL: 0).
__device__ inline void begin_sum(SpanSum &sum, const float *vector, float factor, int64_t width, int64_t first) {
#pragma unroll
    for (int p = 0; p < kPieces; ++p)
#pragma unroll
        for (int e = 0; e < kPiece; ++e) {
            const int64_t at = piece_of(first, p) + e;
            sum[p][e] = vector != nullptr && at < width ? -factor * vector[at] : 0.0f;
        }
}

// Stores a span as line `line` of a gradient.
template <typename Out, bool kAligned>
__device__ void store_span(const GradientStore &to, int64_t line, const SpanSum &sum, int64_t first) {
    const int64_t row = to.rows == nullptr ? line : to.rows[line];
    Out *out = static_cast<Out *>(to.array) + row * to.width;
    const float initial = to.control->initial;
#pragma unroll
    for (int p = 0; p < kPieces; ++p) {
        const int64_t at = piece_of(first, p);
        if (at >= to.width) continue;
        if constexpr (kAligned) {
            constexpr int kVectors = kPiece * sizeof(Out) / sizeof(uint4);
            union {
                Out elements[kPiece];
                uint4 vectors[kVectors];
            } value;
            auto *vectors = reinterpret_cast<uint4 *>(out + at);
#pragma unroll
            for (int v = 0; v < kVectors; ++v) value.vectors[v] = to.add ? vectors[v] : uint4{};
#pragma unroll
            for (int e = 0; e < kPiece; ++e)
                value.elements[e] =
                    from_float<Out>((to.add ? to_float(value.elements[e]) : 0.0f) + sum[p][e] + initial);
#pragma unroll
            for (int v = 0; v < kVectors; ++v) __stcs(vectors + v, value.vectors[v]);  // read by nobody soon
        } else {
#pragma unroll
            for (int e = 0; e < kPiece; ++e)
                if (at + e < to.width)
                    out[at + e] = from_float<Out>((to.add ? to_float(out[at + e]) : 0.0f) + sum[p][e] + initial);
        }
    }
}

template <typename T, bool kAligned>
__device__ void store_span_as(const GradientStore &to, int64_t line, const SpanSum &sum, int64_t first) {
    if (to.dtype == CCE_F32)
        store_span<float, kAligned>(to, line, sum, first);
    else
        store_span<T, kAligned>(to, line, sum, first);
}

}  // namespace cce::cuda::filtered
