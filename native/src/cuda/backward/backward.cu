// The backward pass as a sequence of kernels. Filtered gradients come from filtered/ where that applies. All others
// come from dense products: the vocabulary goes by in chunks; the gradient of a chunk's logits, dz, is recomputed into
// the workspace and multiplied once for dC, which is complete after its chunk, and once for dE, which sums over the
// chunks in float32. Chunks, passes and splits follow from the shape, so every sum has one fixed order. Where lists are
// too short, the vocabulary may shrink to the classes that a filter keeps anything of (condensed.h); if it does not, no
// filter is in force.
#include "cuda/backward/backward.h"

#include <algorithm>

#include "cuda/backward/in_place.h"
#include "cuda/check.h"
#include "cuda/device.h"
#include "cuda/dispatch.h"
#include "cuda/plain/dropped_mass.h"

namespace cce::cuda {
namespace {

// Positions of which an early decision is tried: a sixteenth of the work at 8192 of them.
constexpr int64_t kEarlyRows = 512;

// One call, with everything that its steps share.
class Backward {
public:
    Backward(const Problem &p, const cce_inputs &in, const cce_gradients &grad, const State &state, Workspace w,
             cudaStream_t stream)
        : p_(p), in_(in), grad_(grad), state_(state), kernels_(backward_kernels_of(p, in, grad)),
          plan_(kernels_.plan(p)), scratch_(BackwardScratch::at(p, kernels_, w.base)), stream_(stream),
          logits_(Logits::of(p, in, &scratch_.control->valid, state.valid_rows)) {}

    int32_t run() const {
        const bool by_lists = filtered::applies(p_);
        CCE_TRY(begin_backward(p_, state_, grad_.grad_lse != nullptr, !by_lists, measures(), scratch_.control,
                               stream_));
        CCE_TRY(list_tokens(p_, logits_, scratch_.tokens, stream_));
        const LossGradient gradient = {state_.lse, static_cast<const float *>(grad_.grad_loss),
                                       static_cast<const float *>(grad_.grad_lse), state_.header};
        CCE_TRY(row_gradients(p_, logits_, gradient, scratch_.rows, stream_));
        if (dz_dtype() == CCE_F16) CCE_TRY(scale_dz(p_, logits_, scratch_.rows, scratch_.control, stream_));
        if (wants_embeddings()) CCE_TRY(clear_embeddings());
        if (measures()) CCE_TRY(clear_kept());
        if (by_lists) return filtered_gradients();
        CCE_TRY(settle_filters());
        return dense_in_workspace();
    }

private:
    bool wants_embeddings() const { return grad_.embeddings != nullptr; }
    bool wants_classifier() const { return grad_.classifier != nullptr || grad_.bias != nullptr; }
    bool adds(int32_t gradient) const { return (grad_.accumulate & gradient) != 0; }
    bool filters_embeddings() const { return wants_embeddings() && p_.spec.filter_embeddings > 0.0; }
    bool filters_classifier() const { return wants_classifier() && p_.spec.filter_classifier > 0.0; }
    bool has_limit() const { return p_.spec.max_dropped_mass > 0.0; }
    float *report() const { return static_cast<float *>(grad_.filter_report); }
    bool is_asked() const { return report() != nullptr || has_limit(); }
    bool measures() const { return is_asked() && (filters_embeddings() || filters_classifier()); }
    DzInputs inputs() const { return {scratch_.rows, scratch_.control, false}; }

    // From lists; where these are too short and there is something better, from dense products, of the live classes if
    // these are few, else exact.
    int32_t filtered_gradients() const {
        const Block all = {0, p_.rows, 0, p_.spec.classes, 0};
        const bool has_scratch = has_dense_scratch(p_, kernels_);
        const InPlace in_place = has_scratch ? InPlace{} : pieces_in_place();
        const bool may_leave = kernels_.are_fast() && (has_scratch || !in_place.pieces.empty());
        const bool may_leave_early = may_leave && (!measures() || kernels_.kept_mass != nullptr);
        const filtered::Pass pass = {p_, logits_, state_, scratch_.tokens, scratch_.rows, scratch_.control,
                                     scratch_.lists, scratch_.terms, scratch_.frequent, embeddings_store(),
                                     classifier_store(all), bias_store(all), measures() ? scratch_.kept : nullptr,
                                     may_leave_early, may_leave, stream_};
        CCE_TRY(pass.mark());
        if (may_leave_early && measures()) CCE_TRY(measure_kept());
        CCE_TRY(pass.list());
        if (is_asked()) CCE_TRY(decide({scratch_.kept, nullptr, 0}));
        const Condensing condensing = may_leave ? this->condensing(has_scratch) : Condensing{};
        if (condensing.chunk > 0) CCE_TRY(find_live_classes(pass));
        if (may_leave)
            CCE_TRY(make_dense_exact(wants_embeddings(), wants_classifier(), scratch_.control, report(), stream_));
        CCE_TRY(pass.list_terms());
        CCE_TRY(frequent_products());
        CCE_TRY(pass.sum());
        if (condensing.chunk > 0) CCE_TRY(condensed_products(condensing));
        if (!in_place.pieces.empty()) return dense_in_place(in_place);
        return may_leave || has_limit() ? dense_in_workspace() : CCE_OK;
    }

    int32_t clear_kept() const {
        return check(cudaMemsetAsync(scratch_.kept, 0, 2 * p_.rows * sizeof(KeptMass), stream_),
                     "clearing what the filters keep");
    }

    // What the filters keep, by sweeps over all logits, if control->unmeasured; a limit may be exceeded before all
    // positions are measured.
    int32_t measure_kept() const {
        const int64_t early = has_limit() ? std::min(kEarlyRows, p_.rows) : 0;
        if (early > 0) {
            CCE_TRY(kernels_.kept_mass(p_, logits_, inputs(), 0, early, scratch_.kept, stream_));
            CCE_TRY(decide_filters_early(p_, {scratch_.kept, nullptr, 0}, early, filters_embeddings(),
                                         filters_classifier(), scratch_.control, stream_));
        }
        return kernels_.kept_mass(p_, logits_, inputs(), early, p_.rows - early, scratch_.kept, stream_);
    }

    int32_t decide(const FilterMass &mass) const {
        return decide_filters(p_, mass, filters_embeddings(), filters_classifier(), scratch_.control, report(),
                              stream_);
    }

    // Measures what the filters drop only if someone asks.
    int32_t settle_filters() const {
        if (!is_asked()) return CCE_OK;
        if (!measures()) return decide({});
        if (kernels_.kept_mass != nullptr) {
            CCE_TRY(measure_kept());
            return decide({scratch_.kept, nullptr, 0});
        }
        const auto splits = plain::VocabularySplits::of(p_);
        CCE_TRY(plain::dropped_mass(p_, logits_, splits, state_.lse, scratch_.control, scratch_.dropped, stream_));
        return decide({nullptr, scratch_.dropped, splits.count});
    }

    int32_t find_live_classes(const filtered::Pass &pass) const {
        CCE_TRY(pass.mark_classes(kernels_.mark_classes, scratch_.live.marks, LiveClasses::marks_bytes(p_)));
        return list_live_classes(p_, scratch_.live, plan_.tile, scratch_.rows, scratch_.control, stream_);
    }

    // Where a product reads and writes.
    struct Place {
        const Problem &problem;
        const Logits &logits;
        Products products;
        ChunkScratch scratch;
        int64_t pitch;
        float *embeddings;  // the sums of dE, unless these are in its own buffer
        bool to_embeddings;
        bool to_classifier;
    };

    int32_t dense_in_workspace() const {
        if (!wants_embeddings() && !wants_classifier()) return CCE_OK;
        const Place place = {p_, logits_, Products::kAll, scratch_.dense.chunk, plan_.chunk, scratch_.dense.embeddings,
                             wants_embeddings(), wants_classifier()};
        for (int64_t first_class = 0; first_class < p_.spec.classes; first_class += plan_.chunk)
            CCE_TRY(chunk(first_class, std::min(plan_.chunk, p_.spec.classes - first_class), place));
        return wants_embeddings() ? finish_embeddings(scratch_.dense.embeddings, Products::kEither) : CCE_OK;
    }

    // How condensed products are computed, if at all.
    struct Condensing {
        int64_t chunk;      // of so many classes; 0: not at all
        void *scratch;      // of one
        float *embeddings;  // the sums of dE, as in Place
    };

    // Without dense scratch in the rows of dC before those that the products are written to.
    Condensing condensing(bool has_scratch) const {
        const LiveClasses &live = scratch_.live;
        if (live.most == 0) return {};
        const DenseScratch &dense = scratch_.dense;
        if (has_scratch)
            return {condensed_chunk(p_, kernels_, CondensedRoom::of_chunk(p_, kernels_)), dense.chunk.dz[0],
                    dense.embeddings};
        auto *const dc = static_cast<char *>(grad_.classifier);
        const int64_t free = (p_.spec.classes - live.most_listed(plan_.tile)) * classifier_row_bytes();
        const int64_t sums = align_up(sums_bytes());
        return {condensed_chunk(p_, kernels_, {free - sums, most_classes_in_place()}), dc + sums,
                reinterpret_cast<float *>(dc)};
    }

    // With dense scratch dE is finished by whoever launches the products of all classes.
    int32_t condensed_products(const Condensing &condensing) const {
        const int64_t chunk_classes = condensing.chunk;
        Carver carver(condensing.scratch);
        const ChunkScratch scratch = chunk_scratch(chunk_classes, &carver);
        const auto gathered = GatheredClasses::at(p_, chunk_classes, &carver);
        Problem problem = p_;
        problem.spec.classes = chunk_classes;
        Logits logits = logits_;
        logits.classifier = gathered.classifier;
        logits.classes = chunk_classes;
        if (logits.map.bias != nullptr) logits.map.bias = gathered.bias;
        logits.map.bias_dtype = CCE_F32;
        const LiveClasses &live = scratch_.live;
        const Place place = {problem, logits, Products::kCondensed, scratch, chunk_classes, condensing.embeddings,
                             wants_embeddings(), wants_classifier()};
        for (int64_t first = 0; first < live.most_listed(plan_.tile); first += chunk_classes) {
            CCE_TRY(gather_classes(logits_, live, first, chunk_classes, gathered, scratch_.control, stream_));
            CCE_TRY(chunk(first, chunk_classes, place));
        }
        if (live.moves()) {
            // Before rows of dC take the place of the sums.
            if (wants_embeddings()) CCE_TRY(finish_embeddings(condensing.embeddings, Products::kCondensed));
            CCE_TRY(expand_classes(p_, live, plan_.tile, classifier_store({}), stream_));
        }
        return clear_dead_classes(p_, live, classifier_store({}), bias_store({}), stream_);
    }

    // dC of the frequent classes, and their share of dE.
    int32_t frequent_products() const {
        const filtered::Frequent &frequent = scratch_.frequent;
        if (frequent.most == 0) return CCE_OK;
        Problem problem = p_;
        problem.spec.classes = frequent.most;
        const Block block = {0, p_.rows, 0, frequent.most, frequent.most, Products::kFrequent,
                             frequent.partial_tiles};
        if (grad_.classifier != nullptr)
            CCE_TRY(kernels_.classifier_gradient(problem, in_.embeddings, scratch_.tokens, frequent.dz[1], block,
                                                 plan_.classifier, scratch_.control, frequent.partials,
                                                 store_of_classes(grad_.classifier, grad_.classifier_dtype,
                                                                  CCE_GRADIENT_CLASSIFIER, p_.spec.hidden, block,
                                                                  frequent.classes),
                                                 stream_));
        if (!wants_embeddings()) return CCE_OK;
        return kernels_.embeddings_gradient(problem, frequent.classifier, frequent.dz[0], block, plan_.embeddings,
                                            scratch_.control, scratch_.dense.partials,
                                            {frequent.sums, CCE_F32, false, nullptr, p_.spec.hidden, scratch_.control},
                                            stream_);
    }

    // None where dC is not free to be written to before it is there.
    InPlace pieces_in_place() const {
        if (!kernels_.are_fast() || grad_.classifier == nullptr || adds(CCE_GRADIENT_CLASSIFIER)) return {};
        const InPlaceSizes sizes = {p_.spec.classes,
                                    most_classes_in_place(),
                                    plan_.tile,
                                    classifier_row_bytes(),
                                    sums_bytes(),
                                    scratch_.lists_end - lists_begin(),
                                    wants_embeddings()};
        return InPlace::of(sizes, [&](int64_t classes) {
            Carver carver(nullptr);
            chunk_scratch(pitch_of(classes), &carver);
            return carver.bytes();
        });
    }

    // Of a chunk whose scratch lies in dC.
    int64_t most_classes_in_place() const {
        constexpr int64_t kMostDzBytes = int64_t{256} << 20;
        return kMostDzBytes / (plan_.pass * kernels_.dz_bytes * (plan_.separate_dz ? 2 : 1));
    }

    int64_t classifier_row_bytes() const { return p_.spec.hidden * dtype_bytes(grad_.classifier_dtype); }

    // Of the sums of dE.
    int64_t sums_bytes() const {
        const bool sums = wants_embeddings() && !sums_embeddings_in_place();
        return sums ? p_.rows * p_.spec.hidden * int64_t{sizeof(float)} : 0;
    }

    static int64_t pitch_of(int64_t classes) {
        return div_up(classes, BackwardPlan::kChunkStep) * BackwardPlan::kChunkStep;
    }

    ChunkScratch chunk_scratch(int64_t pitch, Carver *carver) const {
        return ChunkScratch::at(p_, plan_, pitch, kernels_.dz_bytes, carver);
    }

    // Offset of the memory of the lists.
    int64_t lists_begin() const {
        return reinterpret_cast<char *>(scratch_.lists.begin()) - reinterpret_cast<char *>(scratch_.control);
    }

    int32_t dense_in_place(const InPlace &in_place) const {
        auto *const dc = static_cast<char *>(grad_.classifier);
        auto *const sums = reinterpret_cast<float *>(dc + in_place.sums);
        bool finished = !wants_embeddings();
        for (const DensePiece &piece : in_place.pieces) {
            if (!piece.embeddings && !finished) {
                CCE_TRY(finish_embeddings(sums, Products::kAll));
                finished = true;
            }
            const int64_t pitch = pitch_of(piece.classes);
            Carver carver((piece.in_lists ? static_cast<char *>(scratch_.lists.begin()) : dc) + piece.scratch);
            const Place place = {p_, logits_, Products::kAll, chunk_scratch(pitch, &carver), pitch, sums,
                                 piece.embeddings, piece.classifier};
            CCE_TRY(chunk(piece.first_class, piece.classes, place));
        }
        return finished ? CCE_OK : finish_embeddings(sums, Products::kAll);
    }

    int32_t dz_dtype() const { return kernels_.dz_bytes == sizeof(float) ? CCE_F32 : p_.spec.dtype; }

    // dE is summed where it belongs if that is float32.
    bool sums_embeddings_in_place() const { return grad_.embeddings_dtype == CCE_F32; }

    // Rows of E that no counting position reads have no gradient.
    int32_t clear_embeddings() const {
        return gradient_clear(grad_.embeddings, grad_.embeddings_dtype, p_.tokens * p_.spec.hidden,
                              adds(CCE_GRADIENT_EMBEDDINGS), scratch_.control, stream_);
    }

    int32_t chunk(int64_t first_class, int64_t classes, const Place &place) const {
        Block block;
        block.first_class = first_class;
        block.classes = classes;
        block.pitch = place.pitch;
        block.products = place.products;
        for (int64_t pass = 0; pass < plan_.passes; ++pass) {
            block.first_row = pass * plan_.pass;
            block.rows = std::min(plan_.pass, p_.rows - block.first_row);
            CCE_TRY(pass_of_chunk(block, place));
        }
        if (!place.to_classifier) return CCE_OK;
        if (grad_.classifier != nullptr && plan_.passes > 1)
            CCE_TRY(gradient_sum(place.scratch.classifier, 1, classes,
                                 block.is_condensed() ? &scratch_.control->live_classes : nullptr, first_class,
                                 block.products, classifier_store(block), stream_));
        return CCE_OK;
    }

    int32_t pass_of_chunk(const Block &block, const Place &place) const {
        const ChunkScratch &scratch = place.scratch;
        const bool two = plan_.separate_dz && place.to_embeddings && place.to_classifier;
        void *for_embeddings = place.to_embeddings ? scratch.dz[0] : nullptr;
        void *for_classifier = two || !place.to_embeddings ? scratch.dz[two] : nullptr;
        const void *classifier_dz = for_classifier != nullptr ? for_classifier : for_embeddings;
        CCE_TRY(dz(block, place, for_embeddings, for_classifier));
        if (place.to_classifier && grad_.bias != nullptr)
            CCE_TRY(bias_gradient(classifier_dz, dz_dtype(), block, scratch_.control, scratch.biases,
                                  block.first_row + block.rows == p_.rows, bias_store(block), stream_));
        if (place.to_classifier && grad_.classifier != nullptr)
            CCE_TRY(kernels_.classifier_gradient(place.problem, in_.embeddings, scratch_.tokens + block.first_row,
                                                 classifier_dz, block, plan_.classifier, scratch_.control,
                                                 scratch_.dense.partials, classifier_sum(block, scratch), stream_));
        if (!place.to_embeddings) return CCE_OK;
        return kernels_.embeddings_gradient(place.problem, place.logits.classifier, for_embeddings, block,
                                            plan_.embeddings, scratch_.control, scratch_.dense.partials,
                                            embeddings_sum(block, place.embeddings), stream_);
    }

    // Of the classes whose logits may have been kept, which the device alone knows, and of the others.
    int32_t dz(const Block &block, const Place &place, void *for_embeddings, void *for_classifier) const {
        const int64_t kept_classes = kernels_.are_fast() ? State::kept_classes(p_) : 0;
        const int64_t here = std::clamp<int64_t>(kept_classes - block.first_class, 0, block.classes);
        if (here > 0) CCE_TRY(dz_of_kept(block.columns(0, here), for_embeddings, for_classifier));
        if (here == block.classes) return CCE_OK;
        const auto rest = [&](void *dz) {
            return dz != nullptr ? static_cast<char *>(dz) + here * kernels_.dz_bytes : nullptr;
        };
        return kernels_.dz_block(place.problem, place.logits, inputs(), block.columns(here, block.classes - here),
                                 rest(for_embeddings), rest(for_classifier), stream_);
    }

    // Logits are kept without filters, so that one dz serves both products.
    int32_t dz_of_kept(const Block &block, void *for_embeddings, void *for_classifier) const {
        DzInputs inputs = this->inputs();
        inputs.kept = true;
        CCE_TRY(kept_dz(logits_.map, KeptLogits::of(p_, logits_.map, state_), inputs, block,
                        for_embeddings != nullptr ? for_embeddings : for_classifier, stream_));
        return kernels_.dz_block(p_, logits_, inputs, block, for_embeddings, for_classifier, stream_);
    }

    int32_t finish_embeddings(const float *sums, Products products) const {
        if (sums_embeddings_in_place()) return CCE_OK;
        return gradient_sum(sums, 1, p_.rows, &scratch_.control->valid, 0, products, embeddings_store(), stream_);
    }

    GradientStore embeddings_store() const {
        return {grad_.embeddings, grad_.embeddings_dtype, adds(CCE_GRADIENT_EMBEDDINGS),
                scratch_.tokens, p_.spec.hidden, scratch_.control};
    }

    // Where the rows of `block` sum their dE. The first chunk overwrites what the memory held.
    GradientStore embeddings_sum(const Block &block, float *sums) const {
        const bool first = block.first_class == 0;
        if (sums_embeddings_in_place())
            return {grad_.embeddings, CCE_F32, !first || adds(CCE_GRADIENT_EMBEDDINGS),
                    scratch_.tokens + block.first_row, p_.spec.hidden, scratch_.control};
        return {sums + block.first_row * p_.spec.hidden, CCE_F32, !first, nullptr, p_.spec.hidden, scratch_.control};
    }

    // Where a pass leaves its share of the chunk's dC.
    GradientStore classifier_sum(const Block &block, const ChunkScratch &scratch) const {
        if (plan_.passes == 1) return classifier_store(block);
        return {scratch.classifier, CCE_F32, block.first_row > 0, nullptr, p_.spec.hidden, scratch_.control};
    }

    GradientStore classifier_store(const Block &block) const {
        return store_of_classes(grad_.classifier, grad_.classifier_dtype, CCE_GRADIENT_CLASSIFIER, p_.spec.hidden,
                                block, scratch_.live.rows);
    }

    GradientStore bias_store(const Block &block) const {
        return store_of_classes(grad_.bias, grad_.bias_dtype, CCE_GRADIENT_BIAS, 1, block, scratch_.live.classes);
    }

    // Line m is the block's class m; `rows`: of the gathered ones.
    GradientStore store_of_classes(void *array, int32_t dtype, int32_t gradient, int64_t width, const Block &block,
                                   const int64_t *rows) const {
        const bool gathered = block.is_gathered();
        const int64_t offset = gathered ? 0 : block.first_class * width * dtype_bytes(dtype);
        return {array == nullptr ? nullptr : static_cast<char *>(array) + offset, dtype, adds(gradient),
                gathered ? rows + block.first_class : nullptr, width, scratch_.control};
    }

    const Problem &p_;
    const cce_inputs &in_;
    const cce_gradients &grad_;
    const State &state_;
    const BackwardKernels &kernels_;
    const BackwardPlan plan_;
    const BackwardScratch scratch_;
    const cudaStream_t stream_;
    const Logits logits_;
};

}  // namespace

int32_t backward(const Problem &p, const cce_inputs &in, const cce_gradients &grad, const State &state, Workspace w,
                 void *stream) {
    const DeviceGuard guard(p.spec.device);
    CCE_TRY(guard.status());
    return Backward(p, in, grad, state, w, static_cast<cudaStream_t>(stream)).run();
}

}  // namespace cce::cuda
