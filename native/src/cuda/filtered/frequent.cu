// Chooses the frequent classes, and prepares what they are multiplied with.
#include "cuda/filtered/frequent.h"

#include <algorithm>

#include "cuda/check.h"
#include "cuda/device.h"
#include "cuda/filtered/class_pass.cuh"
#include "cuda/filtered/kernels.h"

namespace cce::cuda::filtered {
namespace {

constexpr int kNumberThreads = 1024;
constexpr int64_t kStep = 64;  // of positions and of places, of which products read whole ones

__device__ int64_t whole_steps(int64_t count) { return (count + kStep - 1) / kStep * kStep; }

// One thread block that numbers all classes.
struct NumberTeam {
    static constexpr int kThreads = kNumberThreads;

    __device__ static int thread() { return static_cast<int>(threadIdx.x); }
    __device__ static void sync() { __syncthreads(); }
};

// Turns counts of terms into the places where they begin, and numbers the frequent classes.
__global__ void __launch_bounds__(kNumberThreads)
number_classes_kernel(const __grid_constant__ Work work, BackwardControl *control) {
    __shared__ OfTeamWarps<NumberTeam> of_warp;
    if (!work.sums_lists()) return;
    const Frequent &frequent = work.frequent;
    uint32_t *const counts = work.terms.class_begin;
    const int32_t classes = work.classes();
    const int32_t each = (classes + kNumberThreads - 1) / kNumberThreads;
    const int32_t begin = Minimum()(static_cast<int32_t>(threadIdx.x) * each, classes);
    const int32_t end = Minimum()(begin + each, classes);
    int64_t least = Maximum()(control->valid / Frequent::kPositionsPerEntry, Frequent::kLeastEntries);
    uint32_t place = 0;
    uint32_t chosen = 0;
    // The bar is raised until they fit.
    for (bool fit = frequent.most == 0; !fit; least += least / 4) {
        uint32_t own = 0;
        for (int32_t j = begin; j < end; ++j) own += counts[j] >= least;
        place = scan_team(NumberTeam(), of_warp, own, &chosen);
        fit = chosen <= frequent.most;
        if (fit) break;
    }
    uint32_t own = 0;
    for (int32_t j = begin; j < end; ++j) own += counts[j];
    uint32_t terms;
    uint32_t before = scan_team(NumberTeam(), of_warp, own, &terms);
    for (int32_t j = begin; j < end; ++j) {
        const uint32_t count = counts[j];
        counts[j] = before;
        before += count;
        if (frequent.most == 0) continue;
        const bool is_frequent = count >= least;
        frequent.places[j] = is_frequent ? static_cast<uint16_t>(place) : Frequent::kNone;
        if (is_frequent) frequent.classes[place++] = j;
    }
    if (threadIdx.x != 0) return;
    counts[classes] = terms;
    control->frequent_classes = chosen;
}

// Clears the columns of dz that are read, then gathers rows of C. A warp a row.
__global__ void __launch_bounds__(kThreads) prepare_frequent_kernel(const __grid_constant__ Work work, int64_t chunks) {
    if (!work.sums_lists()) return;
    const Frequent &frequent = work.frequent;
    // Products read whole steps of both.
    const int64_t count = work.control->frequent_classes;
    const int64_t places = whole_steps(count);
    const int64_t rows = count > 0 ? Minimum()(whole_steps(work.control->valid), work.kept_pitch) : 0;
    const int64_t used = places / 8;  // vectors of 16 bytes
    const int64_t pitch = frequent.most / 8;
    const bool two = frequent.dz[1] != frequent.dz[0];
    for (int64_t item = int64_t{blockIdx.x} * (kThreads / kWarp) + warp_of(); item < rows + places;
         item += grid_warps()) {
        if (item < rows) {
            for (int64_t k = lane_of(); k < used; k += kWarp) {
                static_cast<uint4 *>(frequent.dz[0])[item * pitch + k] = uint4{};
                if (two) static_cast<uint4 *>(frequent.dz[1])[item * pitch + k] = uint4{};
            }
        } else {
            const int64_t place = item - rows;
            const bool exists = place < count;
            const auto *const from = static_cast<const uint4 *>(work.logits.classifier) +
                                     (exists ? frequent.classes[place] : 0) * chunks;
            auto *const to = static_cast<uint4 *>(frequent.classifier) + place * chunks;
            for (int64_t k = lane_of(); k < chunks; k += kWarp) to[k] = exists ? from[k] : uint4{};
        }
    }
}

// db of the frequent classes. A warp a class.
__global__ void __launch_bounds__(kThreads) sum_frequent_biases_kernel(const __grid_constant__ Work work) {
    if (!work.sums_lists()) return;
    const int64_t count = work.control->frequent_classes;
    for (int64_t place = int64_t{blockIdx.x} * (kThreads / kWarp) + warp_of(); place < count; place += grid_warps()) {
        const int64_t j = work.frequent.classes[place];
        const uint32_t begin = work.terms.class_begin[j];
        const double sum = sum_terms(work.terms.by_class + begin,
                                     static_cast<int32_t>(work.terms.class_begin[j + 1] - begin));
        if (lane_of() == 0) store_bias(work, static_cast<int32_t>(j), sum);
    }
}

}  // namespace

Frequent Frequent::at(const Problem &p, bool separate_dz, float *sums, int64_t bytes, Carver *carver) {
    const int64_t row = p.spec.hidden * dtype_bytes(p.spec.dtype);
    const int64_t column = p.rows * dtype_bytes(p.spec.dtype) * (separate_dz ? 2 : 1);
    const int64_t of_class = row + column + static_cast<int64_t>(sizeof(int64_t));
    const int64_t of_places = p.spec.classes * static_cast<int64_t>(sizeof(uint16_t));
    constexpr int64_t kParts = 5;  // each of which alignment may make larger
    const int64_t room = (bytes - of_places - kParts * kAlignment) / of_class;
    Frequent frequent = {};
    frequent.most = std::min({room, p.spec.classes / 4, int64_t{kNone}}) / kStep * kStep;
    // What label smoothing adds is there for all classes.
    if (frequent.most <= 0 || p.spec.label_smoothing > 0.0) return {};
    frequent.places = carver->take<uint16_t>(p.spec.classes);
    frequent.classes = carver->take<int64_t>(frequent.most);
    frequent.classifier = carver->take<char>(frequent.most * row);
    frequent.dz[0] = carver->take<char>(p.rows * frequent.most * dtype_bytes(p.spec.dtype));
    frequent.dz[1] = separate_dz ? carver->take<char>(p.rows * frequent.most * dtype_bytes(p.spec.dtype))
                                 : frequent.dz[0];
    frequent.sums = sums;
    return frequent;
}

int32_t number_classes(const Work &work, BackwardControl *control, cudaStream_t stream) {
    return launch("choosing the frequent classes", number_classes_kernel, 1, kNumberThreads, stream, work, control);
}

int32_t prepare_frequent(const Problem &p, const Work &work, cudaStream_t stream) {
    constexpr int64_t kBlocksAtOnce = 4;
    if (work.frequent.most == 0) return CCE_OK;
    return launch("preparing the frequent classes", prepare_frequent_kernel,
                  int64_t{traits_of(p.spec.device).multiprocessors} * kBlocksAtOnce, kThreads, stream, work,
                  p.spec.hidden * dtype_bytes(p.spec.dtype) / static_cast<int64_t>(sizeof(uint4)));
}

int32_t sum_frequent_biases(const Problem &p, const Work &work, cudaStream_t stream) {
    if (work.frequent.most == 0 || work.bias.array == nullptr) return CCE_OK;
    return launch("summing the biases of frequent classes", sum_frequent_biases_kernel,
                  traits_of(p.spec.device).multiprocessors, kThreads, stream, work);
}

}  // namespace cce::cuda::filtered
