// The kernels of backward that all families share, each launched by one function, and what they and the families' own
// kernels are given. All counts that depend on data are read on the device.
#pragma once

#include <cuda_runtime.h>

#include "common/state.h"
#include "cuda/backward/control.h"
#include "cuda/forward/kept_logits.cuh"
#include "cuda/forward/logits.cuh"
#include "cuda/reduce.cuh"

namespace cce::cuda {

// ---- control.cu: decisions of backward that depend on data -----------------------------------------

// The softmax mass that a filter keeps of a position: whole multiples of 2^-40, whose sums have the same bits in every
// order (kept_mass.cuh).
using KeptMass = unsigned long long;
constexpr float kWholeMass = 0x1p40f;

// What the filters keep, or drop, of each counting position; NULL: the other one is known.
struct FilterMass {
    const KeptMass *kept;  // (2, R): by the embeddings' threshold, then by the classifier's
    const float *dropped;  // (2, splits, R)
    int64_t splits;
};

// Checks the state and fills `control`, with the thresholds of the problem.
int32_t begin_backward(const Problem &p, const State &state, bool has_grad_lse, bool dense, bool unmeasured,
                       BackwardControl *control, cudaStream_t stream);

// tokens[i] = row of E of counting position i.
int32_t list_tokens(const Problem &p, const Logits &logits, int64_t *tokens, cudaStream_t stream);

// From what they drop, of the gradients that are wanted, switches filters off that exceed the limit, which takes dense
// products, and writes the report (NULL: not wanted).
int32_t decide_filters(const Problem &p, const FilterMass &mass, bool embeddings, bool classifier,
                       BackwardControl *control, float *report, cudaStream_t stream);

// The same for filters that exceed the limit by what they drop of the first `rows` positions alone; nothing is left to
// measure if that is true of all of them.
int32_t decide_filters_early(const Problem &p, const FilterMass &mass, int64_t rows, bool embeddings, bool classifier,
                             BackwardControl *control, cudaStream_t stream);

// Where dense products go over all classes in place of the lists, an entry that is dropped takes as long as one that is
// kept: switches the filters off, and says so in the report (NULL: not wanted) of the gradients that are wanted. To be
// called once it is known which classes they go over.
int32_t make_dense_exact(bool embeddings, bool classifier, BackwardControl *control, float *report,
                         cudaStream_t stream);

// ---- dz: the gradient of E . C + b ------------------------------------------------------------------

// What dense products go over: all classes, the live ones (condensed.h), one or the other of these two, or the frequent
// ones beside the lists (filtered/frequent.h).
enum class Products { kAll, kCondensed, kEither, kFrequent };

// Whether they are to be computed.
__device__ inline bool are_due(Products products, const BackwardControl &control) {
    if (products == Products::kFrequent) return !control.dense && control.frequent_classes > 0;
    return control.dense && (products == Products::kEither || (products == Products::kCondensed) == control.condensed);
}

// How many thread blocks share each of `tiles` tiles, with a part of the `steps` of its sum each, where there is room
// for so many partial tiles.
__device__ inline int64_t splits_of(int64_t tiles, int64_t steps, int64_t partial_tiles) {
    constexpr int64_t kLeastSteps = 4;
    return tiles > 0 ? Maximum()(Minimum()(partial_tiles / tiles, steps / kLeastSteps), int64_t{1}) : 1;
}

// Counting positions [first_row, first_row + rows) and classes [first_class, first_class + classes). Where these are
// not all, they are numbered by their place among the live or frequent ones, and those of a block have an operand of
// their own in place of C.
struct Block {
    int64_t first_row;
    int64_t rows;
    int64_t first_class;
    int64_t classes;
    int64_t pitch;  // of dz: dz[(i - first_row) * pitch + (j - first_class)]
    Products products = Products::kAll;
    int64_t partial_tiles = 0;  // of dC, that there is room for

    // Some of its classes.
    Block columns(int64_t first, int64_t count) const {
        return {first_row, rows, first_class + first, count, pitch, products};
    }

    __host__ __device__ bool is_condensed() const { return products == Products::kCondensed; }
    __host__ __device__ bool is_gathered() const { return is_condensed() || products == Products::kFrequent; }
    // The row of the operand that is its first class.
    __host__ __device__ int64_t first_operand() const { return is_gathered() ? 0 : first_class; }
    // Of its classes. With gathered ones the device alone knows.
    __device__ int64_t existing(const BackwardControl &control) const {
        if (!is_gathered()) return classes;
        const int64_t count = is_condensed() ? control.live_classes : control.frequent_classes;
        return Maximum()(Minimum()(count - first_class, classes), int64_t{0});
    }
    __device__ bool is_due(const BackwardControl &control) const {
        return are_due(products, control) && existing(control) > 0;
    }
};

// What the gradients of a position's logits have in common. With g the gradient of its loss,
//
//     dz[i,j] = (p[i,j] * softmax[i] - [j = y[i]] * of_target[i] - w[j] * smoothing[i]) * dz/dx
//     softmax = g t ((1 - a) w[y] + a/V sum w + 2 lambda lse) + dlse,  of_target = g t (1 - a) w[y],
//     smoothing = g t a/V
struct RowGradient {
    int64_t target;
    float lse;
    float softmax;
    float of_target;
    float smoothing;

    // Of a position that does not exist.
    __device__ static RowGradient nothing() { return {-1, 0.0f, 0.0f, 0.0f, 0.0f}; }
    // With all of dz `scale` times as large. These products are not to be fused with a sum, which would move roundings.
    __device__ RowGradient scaled(float scale) const {
        return {target, lse, __fmul_rn(softmax, scale), __fmul_rn(of_target, scale), __fmul_rn(smoothing, scale)};
    }
};

// What comes into backward.
struct LossGradient {
    const float *lse;
    const float *of_loss;
    const float *of_lse;
    const StateHeader *header;
};

// rows[i] of the counting positions.
int32_t row_gradients(const Problem &p, const Logits &logits, const LossGradient &gradient, RowGradient *rows,
                      cudaStream_t stream);

struct DzInputs {
    const RowGradient *rows;  // of counting position i
    const BackwardControl *control;
    bool kept;                // whether kept_dz is there for the block: nothing is left to do if all of it was kept
};

// ---- dz_scale.cu -----------------------------------------------------------------------------------

// Sets control->dz_scale, from the rows of the counting positions, so that dz is as large as float16 allows.
int32_t scale_dz(const Problem &p, const Logits &logits, const RowGradient *rows, BackwardControl *control,
                 cudaStream_t stream);

// ---- kept_logits.cu --------------------------------------------------------------------------------

// The same as dz_block, in bf16 and without a filter, from kept logits; nothing if not all of the block were kept. It
// begins with a tile of them, and `dz`, as its pitch, is aligned to 16 bytes.
int32_t kept_dz(const LogitMap &map, const KeptLogits &kept, const DzInputs &inputs, const Block &block, void *dz,
                cudaStream_t stream);

// ---- gradient_store.cuh, gradient_sum.cu ------------------------------------------------------------

// Rows of `width` elements that a gradient goes to.
struct GradientStore {
    void *array;
    int32_t dtype;
    bool add;             // to what is there
    const int64_t *rows;  // line m goes to row rows[m]; NULL: to row m
    int64_t width;
    const BackwardControl *control;
};

// store[m] = sum over splits of partials[(split * lines + m) * width ...] for m < lines, and, unless `valid` is NULL,
// m < *valid - first_row. Nothing if `products` are not due.
int32_t gradient_sum(const float *partials, int64_t splits, int64_t lines, const int64_t *valid, int64_t first_row,
                     Products products, const GradientStore &store, cudaStream_t stream);

// Every element = control->initial; nothing where it is 0 and `add`.
int32_t gradient_clear(void *array, int32_t dtype, int64_t count, bool add, const BackwardControl *control,
                       cudaStream_t stream);

// ---- bias_gradient.cu -----------------------------------------------------------------------------

// store[j - block.first_class] = sum over all counting positions of dz[i, j], for the classes of `block`, with the last
// of its passes of rows. Between passes the sums, as dz is scaled, are in `sums` (classes).
int32_t bias_gradient(const void *dz, int32_t dz_dtype, const Block &block, const BackwardControl *control,
                      double *sums, bool last, const GradientStore &store, cudaStream_t stream);

}  // namespace cce::cuda
