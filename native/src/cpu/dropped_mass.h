// The softmax mass that the gradient filter drops, measured by a pass over the logits of its own, which is made only
// for a caller who asks for the report or sets a limit.
#pragma once

#include "cpu/operands.h"

namespace cce::cpu {

struct DroppedMass {
    double sum;
    double worst;
};

// Adds the mass of a super-block of tokens below each of two thresholds, and keeps the worst token.
class DroppedMassPass {
public:
    // Parts of the workspace: shared by the threads, and of one thread.
    struct Shared {
        float *embeddings;      // (segments, super_tokens)
        float *classifier;
    };
    struct Thread {
        ClassBlock classes;
        float *packed;          // (hidden_panels, kBlockClasses, panel) for 16-bit classifiers
        float *tile;
    };
    static Shared take_shared(const Blocking &b, Arena *arena);
    static Thread take_thread(const Blocking &b, const Problem &p, Arena *arena);

    DroppedMassPass(const Blocking &b, const KernelTable &kernels, const Problem &p, const cce_inputs &in,
                    const Shared &shared, char *thread_base, int64_t thread_bytes)
        : blocking_(b), kernels_(kernels), problem_(p), inputs_(in), shared_(shared), thread_base_(thread_base),
          thread_bytes_(thread_bytes) {}

    void add(const TokenBlock &tokens, const float *lse, float embeddings_threshold, float classifier_threshold,
             Team *team, DroppedMass *embeddings, DroppedMass *classifier);

private:
    void measure_segment(const TokenBlock &tokens, const float *lse, float embeddings_threshold,
                         float classifier_threshold, int64_t segment, int32_t member);
    void merge(const TokenBlock &tokens, const float *partials, DroppedMass *mass) const;

    const Blocking &blocking_;
    const KernelTable &kernels_;
    const Problem &problem_;
    const cce_inputs &inputs_;
    const Shared shared_;
    char *thread_base_;
    int64_t thread_bytes_;
};

}  // namespace cce::cpu
