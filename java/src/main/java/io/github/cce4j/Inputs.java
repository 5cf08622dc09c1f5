package io.github.cce4j;

import java.util.Objects;

/**
 * What a loss is computed from. All tensors are on one device. The shapes have N positions, or B sequences of T
 * positions each; V classes; hidden size D.
 *
 * {@snippet class="io.github.cce4j.snippets.LossSnippets" region="inputs"}
 *
 * <p>Shapes and dtypes are checked where the inputs are used, against the options of the computation. The tensors must
 * stay open and unchanged until the last backward; this record does not own them.
 *
 * @param embeddings hidden states, (N, D) or (B, T, D), of a floating-point dtype
 * @param classifier one row a class, (V, D), of the same dtype
 * @param targets the right classes, (N) or (B, T), {@link DType#I32} or {@link DType#I64}; null if
 *     {@link CutCrossEntropy#logSumExp} is all that is wanted
 * @param bias added to the logits, (V), of the same dtype or {@link DType#F32}; null for none
 * @param classWeights what each class weighs, (V), {@link DType#F32}, finite and at least 0; null for all 1
 * @param tokenWeights what each position weighs, placed as the targets, {@link DType#F32}, finite and at least 0; null
 *     for all 1
 */
public record Inputs(
        Tensor embeddings, Tensor classifier, Tensor targets, Tensor bias, Tensor classWeights, Tensor tokenWeights) {
    /**
     * Makes inputs.
     *
     * @throws NullPointerException if {@code embeddings} or {@code classifier} is null
     */
    public Inputs {
        Objects.requireNonNull(embeddings, "embeddings");
        Objects.requireNonNull(classifier, "classifier");
    }

    /**
     * Inputs without bias and weights.
     *
     * @param embeddings hidden states, (N, D) or (B, T, D)
     * @param classifier one row a class, (V, D)
     * @param targets the right classes, (N) or (B, T), or null
     * @return the inputs
     */
    public static Inputs of(Tensor embeddings, Tensor classifier, Tensor targets) {
        return new Inputs(embeddings, classifier, targets, null, null, null);
    }

    /**
     * The same with another bias.
     *
     * @param newBias (V), or null for none
     * @return new inputs
     */
    public Inputs withBias(Tensor newBias) {
        return new Inputs(embeddings, classifier, targets, newBias, classWeights, tokenWeights);
    }

    /**
     * The same with other class weights.
     *
     * @param newClassWeights (V), or null for all 1
     * @return new inputs
     */
    public Inputs withClassWeights(Tensor newClassWeights) {
        return new Inputs(embeddings, classifier, targets, bias, newClassWeights, tokenWeights);
    }

    /**
     * The same with other token weights.
     *
     * @param newTokenWeights shaped as the targets, or null for all 1
     * @return new inputs
     */
    public Inputs withTokenWeights(Tensor newTokenWeights) {
        return new Inputs(embeddings, classifier, targets, bias, classWeights, newTokenWeights);
    }
}
