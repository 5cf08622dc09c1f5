// Gradients as sums of the rows that a list names: sum_k dz[k] * M[row[k]], by a warp. Memory bounds it, so a lane asks
// for many pieces of several rows before it uses any.
#pragma once

#include "cuda/filtered/work.cuh"

namespace cce::cuda::filtered {

constexpr int kMostTerms = 1280;    // of some classes, for a warp, in shared memory
constexpr int kPiece = 8;           // neighbouring elements of a lane
constexpr int kPieces = 4;          // of a lane, kWarp apart: what a warp sums at a time
constexpr int kSpan = kPieces * kWarp * kPiece;
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

// A span of the rows of a matrix.
template <typename T, bool kAligned>
class SpanOfRows {
public:
    __device__ SpanOfRows(const void *matrix, int64_t width, int64_t first)
        : lane_(static_cast<const T *>(matrix) + piece_of(first, 0)), width_(static_cast<uint32_t>(width)),
          left_(static_cast<int32_t>(width - piece_of(first, 0))) {}

    // This lane's pieces of row `row`; 0 for what is behind the row's end.
    __device__ __forceinline__ void load(Piece<T> (&pieces)[kPieces], int32_t row) const {
        const T *from = lane_ + static_cast<uint64_t>(static_cast<uint32_t>(row)) * width_;
#pragma unroll
        for (int p = 0; p < kPieces; ++p) {
            constexpr int kApart = kWarp * kPiece;
            if constexpr (kAligned) {
                static_assert(sizeof(Piece<T>) == sizeof(uint4));
                const auto *const vector = reinterpret_cast<const uint4 *>(from + p * kApart);
                *reinterpret_cast<uint4 *>(&pieces[p]) = p * kApart < left_ ? __ldg(vector) : uint4{};
            } else {
#pragma unroll
                for (int k = 0; k < kPiece; ++k)
                    pieces[p].elements[k] = p * kApart + k < left_ ? from[p * kApart + k] : T(0.0f);
            }
        }
    }

private:
    const T *lane_;   // of the first row
    uint32_t width_;
    int32_t left_;    // from there to the end of the row
};

// The span of some rows, and their factors.
template <typename T, bool kAligned>
struct RowsAtOnce {
    static constexpr int kRows = 3;

    Piece<T> pieces[kRows][kPieces];
    float dz[kRows];

    // Asks for those of terms [0, count), of which there is one at least; where there are fewer, the first one serves.
    __device__ __forceinline__ void load(const SpanOfRows<T, kAligned> &span, const Term *terms, uint32_t count) {
#pragma unroll
        for (int r = 0; r < kRows; ++r) {
            const Term term = terms[r < count ? r : 0];
            dz[r] = term.dz;
            span.load(pieces[r], term.row);
        }
    }

    __device__ __forceinline__ void add(SpanSum &sum, int r) const {
#pragma unroll
        for (int p = 0; p < kPieces; ++p)
#pragma unroll
            for (int e = 0; e < kPiece; ++e)
                sum[p][e] = fmaf(dz[r], to_float(pieces[r][p].elements[e]), sum[p][e]);
    }
};

// Adds terms [0, count) in their order.
template <typename T, bool kAligned>
__device__ void add_terms(SpanSum &sum, const Term *terms, uint32_t count, const void *matrix, int64_t width,
                          int64_t first) {
    using Rows = RowsAtOnce<T, kAligned>;
    const SpanOfRows<T, kAligned> span(matrix, width, first);
    for (uint32_t k = 0; k < count; k += Rows::kRows) {
        Rows rows;
        rows.load(span, terms + k, count - k);
#pragma unroll
        for (int r = 0; r < Rows::kRows; ++r)
            if (k + r < count) rows.add(sum, r);
    }
}

// What label smoothing contributes: -factor times a vector (NULL: 0).
__device__ inline void begin_sum(SpanSum &sum, const float *vector, float factor, int64_t width, int64_t first) {
#pragma unroll
    for (int p = 0; p < kPieces; ++p)
#pragma unroll
        for (int e = 0; e < kPiece; ++e) sum[p][e] = 0.0f;
    if (vector == nullptr) return;
#pragma unroll
    for (int p = 0; p < kPieces; ++p)
#pragma unroll
        for (int e = 0; e < kPiece; ++e) {
            const int64_t at = piece_of(first, p) + e;
            if (at < width) sum[p][e] = -factor * vector[at];
        }
}

// Stores a span as line `line` of a gradient, which begins from `initial`.
template <typename Out, bool kAligned>
__device__ void store_span(const GradientStore &to, int64_t line, const SpanSum &sum, int64_t first, float initial) {
    const int64_t row = to.rows == nullptr ? line : to.rows[line];
    Out *out = static_cast<Out *>(to.array) + row * to.width;
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
__device__ void store_span_as(const GradientStore &to, int64_t line, const SpanSum &sum, int64_t first, float initial) {
    if (to.dtype == CCE_F32)
        store_span<float, kAligned>(to, line, sum, first, initial);
    else
        store_span<T, kAligned>(to, line, sum, first, initial);
}

}  // namespace cce::cuda::filtered
