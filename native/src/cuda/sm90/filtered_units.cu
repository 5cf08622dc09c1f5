// The logits of units in the frame of the sweep: two units of a tile at a time.
//
// Instances: bf16 and fp16. Rows that are not aligned go to sm80.
#include "cuda/device.h"
#include "cuda/sm80/family.h"
#include "cuda/sm90/family.h"
#include "cuda/sm90/pair_consumer.cuh"
#include "cuda/sm90/pair_producer.cuh"
#include "cuda/sm90/roles.cuh"
#include "cuda/sm90/tensor_map.h"

namespace cce::cuda::sm90 {
namespace {

template <typename T>
__global__ void __launch_bounds__(kBlockThreads, 1)
units_kernel(const __grid_constant__ CUtensorMap classifier, const __grid_constant__ filtered::Work work) {
    if (work.control->dense || work.candidates.hold_everything()) return;
    const auto steps = static_cast<int32_t>((work.logits.hidden + kStep - 1) / kStep);
    in_roles<PairShared>(
        [&](PairShared &shared) { begin_pairs(shared, work); },
        [&](PairShared &shared) { produce_pairs(shared, classifier, work, steps); },
        [&](PairShared &shared, int32_t group) {
            const WarpgroupTeam team{consumer_barrier(group)};
            filtered::KeptUnit<WarpgroupTeam> &kept = shared.kept[group];
            const auto prepare = [&] {
                team.sync();  // all have read what was kept of the unit before
                kept.clear(team);
            };
            consume_pairs<T>(shared, work, group, steps, prepare,
                             [&](const filtered::UnitInputs &unit, uint32_t number, UnitProduct::Sums &x) {
                                 team.sync();
                                 filtered::list_unit<UnitProduct>(team, kept, unit, work,
                                                                  filtered::window_of_all(work), number, x, true);
                             });
        });
}

}  // namespace

int32_t filtered_units(const Problem &p, const filtered::Work &work, cudaStream_t stream) {
    if (!kFamily.serves(p, nullptr) || !filtered::is_aligned(p, work)) return sm80::filtered_units(p, work, stream);
    CUtensorMap classifier;
    CCE_TRY(describe(work.logits.classifier, p.spec.dtype, p.spec.classes, p.spec.hidden, p.spec.hidden, kTileClasses,
                     &classifier));
    return with_half(p.spec.dtype, [&](auto scalar) {
        return launch_roles<PairShared>("listing what the filters keep", units_kernel<decltype(scalar)>,
                                        traits_of(p.spec.device).multiprocessors, stream, classifier, work);
    });
}

}  // namespace cce::cuda::sm90
