package io.github.cce4j.benchmark.libtorch;

/** Relative errors of loss and gradients against libtorch in fp32. */
record Agreement(double loss, double embeddings, double classifier) {

    /** Within what fp32 sums over long rows allow. */
    boolean holds() {
        return loss < 1e-5 && embeddings < 1e-4 && classifier < 1e-4;
    }
}
