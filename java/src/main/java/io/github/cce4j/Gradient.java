package io.github.cce4j;

/**
 * An input that a gradient can be asked for.
 *
 * {@snippet class="io.github.cce4j.snippets.LossSnippets" region="gradient"}
 *
 * @see CutCrossEntropy.Builder#gradients(Gradient...)
 * @see Backward#of(Gradient...)
 */
public enum Gradient {
    /** The embeddings, (N, D) or (B, T, D). */
    EMBEDDINGS,
    /** The classifier, (V, D). */
    CLASSIFIER,
    /** The bias, (V). */
    BIAS
}
