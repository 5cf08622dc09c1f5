// Dense products over a few classes. A softmax that is too flat for lists is often flat over the same classes
// everywhere: of a head trained on text, a twelfth of the 200,019 classes hold every probability above 2^-16 of 2048
// positions (docs/performance.md). A class is live if a filter keeps any of its entries. Where few are, their rows of C
// are gathered, chunk by chunk, and multiplied as if there were no others. Nothing of a live class is dropped then, for
// that would save nothing. Without dense scratch all of this lies in dC, whose last rows get the gradients first
// (row_moves.h), and the list of live classes where entries were listed.
#pragma once

#include "cuda/backward/kernels.h"
#include "cuda/carver.h"

namespace cce::cuda {

struct BackwardKernels;

// Which classes are live, on the device.
struct LiveClasses {
    uint8_t *marks;    // (V, and 0 up to marks_bytes): 1 if live
    int64_t *classes;  // (most, and what fills the last tile): the live ones in their order
    int64_t *rows;     // of dC that their products are written to: `classes`, or the last ones (row_moves.h)
    int64_t most;      // more than these are not worth it; 0: there is no room for any

    static int64_t marks_bytes(const Problem &p);
    static LiveClasses at(const Problem &p, Carver *carver);
    // With products that are written to the last rows of dC; none where there are too few bytes.
    static LiveClasses in(const Problem &p, void *memory, int64_t bytes);

    __host__ __device__ bool moves() const { return rows != classes; }
    // The most that are listed, in whole tiles.
    int64_t most_listed(int64_t tile) const { return div_up(most, tile) * tile; }
};

// What takes the place of C and b for a chunk of live classes.
struct GatheredClasses {
    void *classifier;  // (classes, D)
    float *bias;       // (classes)

    static GatheredClasses at(const Problem &p, int64_t classes, Carver *carver);
};

// What a chunk of live classes may take, with its products.
struct CondensedRoom {
    int64_t bytes;
    int64_t most_classes;

    // The scratch of a chunk of all classes.
    static CondensedRoom of_chunk(const Problem &p, const BackwardKernels &kernels);
};

// Classes of a chunk that fits, and keeps the GPU busy. 0: this is not for `p`.
int64_t condensed_chunk(const Problem &p, const BackwardKernels &kernels, const CondensedRoom &room);

// If control->marking: if not too many classes are marked, lists them and some more that fill the last tile, numbers
// the targets of `rows` by place, and sets control->condensed. From then on no filter is in force.
int32_t list_live_classes(const Problem &p, const LiveClasses &live, int64_t tile, RowGradient *rows,
                          BackwardControl *control, cudaStream_t stream);

// dC and db of all other classes; array NULL: not wanted.
int32_t clear_dead_classes(const Problem &p, const LiveClasses &live, const GradientStore &classifier,
                           const GradientStore &bias, cudaStream_t stream);

// Gathers the rows of the live classes from place `first` on, at most `count`.
int32_t gather_classes(const Logits &logits, const LiveClasses &live, int64_t first, int64_t count,
                       const GatheredClasses &to, const BackwardControl *control, cudaStream_t stream);

// ---- expand.cu -------------------------------------------------------------------------------------

// Moves the gradients in the last rows of dC, which begin at multiples of 16 bytes, to the rows of their classes. What
// lies in the rows of other classes then has no meaning.
int32_t expand_classes(const Problem &p, const LiveClasses &live, int64_t tile, const GradientStore &classifier,
                       cudaStream_t stream);

}  // namespace cce::cuda
