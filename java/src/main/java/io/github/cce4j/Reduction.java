package io.github.cce4j;

/**
 * How the losses of single positions become the loss, as in PyTorch's {@code cross_entropy}.
 *
 * {@snippet class="io.github.cce4j.snippets.LossSnippets" region="reduction"}
 */
public enum Reduction {
    /** Not at all: the loss has one entry for every position, 0 where the target is the ignore index. */
    NONE,
    /**
     * Their sum, divided by the sum of (token weight times the target's class weight) over the positions that are not
     * ignored; without weights, by the number of those positions. If the divisor is 0, so are the loss and all
     * gradients.
     */
    MEAN,
    /** Their sum. */
    SUM
}
