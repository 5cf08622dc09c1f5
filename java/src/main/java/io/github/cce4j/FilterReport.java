package io.github.cce4j;

/**
 * What the {@link GradientFilter} dropped in one backward, at the most: softmax mass below its threshold per position
 * that is not ignored, in [0, 1]. It is 0 without a filter, and where a gradient was computed exactly all the same:
 * because of {@link GradientFilter#maxDroppedMass}, or because so much is kept that dropping saves nothing. Mass is no
 * error: the same mass spread over very many classes changes the gradients much less than on a few.
 *
 * {@snippet class="io.github.cce4j.snippets.LossSnippets" region="report"}
 *
 * @param embeddingsMean mean mass missing from the gradient of the embeddings
 * @param embeddingsWorst mass missing at the worst position from the gradient of the embeddings
 * @param classifierMean mean mass missing from the gradients of classifier and bias
 * @param classifierWorst mass missing at the worst position from the gradients of classifier and bias
 * @param embeddingsExact whether the gradient of the embeddings was computed exactly in spite of a filter
 * @param classifierExact whether the gradients of classifier and bias were computed exactly in spite of a filter
 */
public record FilterReport(
        float embeddingsMean,
        float embeddingsWorst,
        float classifierMean,
        float classifierWorst,
        boolean embeddingsExact,
        boolean classifierExact) {}
