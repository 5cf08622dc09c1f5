package io.github.cce4j;

/**
 * A result of {@link CutCrossEntropy#forward(Inputs)} that is computed only on request.
 *
 * {@snippet class="io.github.cce4j.snippets.LossSnippets" region="output"}
 *
 * @see CutCrossEntropy.Builder#outputs(Output...)
 */
public enum Output {
    /** The class with the largest logit, the lowest of equals: {@link Forward#argmax()}. */
    ARGMAX,
    /** The entropy of the softmax in nats: {@link Forward#entropy()}. */
    ENTROPY
}
