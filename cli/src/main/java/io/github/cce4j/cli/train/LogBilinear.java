package io.github.cce4j.cli.train;

import java.util.Arrays;
import java.util.random.RandomGenerator;

/**
 * The body of a log-bilinear language model (Mnih and Hinton, 2007): a position's hidden state is the sum of the
 * embeddings of the tokens before it, each weighted by how far back it stands, h = sum_k w[k] * e[token k back],
 * elementwise.
 */
final class LogBilinear {
    private static final float INITIAL_RANGE = 0.5f;

    private final int context;
    private final int dim;
    private final Optimizer optimizer;
    private final float[] embeddings;
    private final float[][] embeddingSlots;
    private final float[] weights;
    private final float[][] weightSlots;
    /** Where the gradient of a token's embedding is gathered; -1 for tokens that the batch does not touch. */
    private final int[] gradientRow;

    LogBilinear(int classes, int context, int dim, Optimizer optimizer, RandomGenerator random) {
        this.context = context;
        this.dim = dim;
        this.optimizer = optimizer;
        embeddings = new float[Math.multiplyExact(classes, dim)];
        embeddingSlots = optimizer.newSlots(embeddings.length);
        weights = new float[context * dim];
        weightSlots = optimizer.newSlots(weights.length);
        gradientRow = new int[classes];
        Arrays.fill(gradientRow, -1);
        for (int i = 0; i < embeddings.length; i++) {
            embeddings[i] = (random.nextFloat() - 0.5f) * INITIAL_RANGE;
        }
        for (int k = 0; k < context; k++) {
            Arrays.fill(weights, k * dim, (k + 1) * dim, 1f / (k + 1));
        }
    }

    /** The hidden states of a batch (N, D). */
    float[] forward(Batch batch) {
        float[] hidden = new float[batch.size() * dim];
        for (int n = 0; n < batch.size(); n++) {
            for (int k = 0; k < context; k++) {
                int row = token(batch, n, k) * dim;
                for (int d = 0; d < dim; d++) {
                    hidden[n * dim + d] += weights[k * dim + d] * embeddings[row + d];
                }
            }
        }
        return hidden;
    }

    /** Learns from the gradient of the loss by the hidden states (N, D). */
    void backward(Batch batch, float[] hiddenGradient, int step) {
        int[] touched = new int[Math.min(batch.size() * context, gradientRow.length)];
        int rows = 0;
        for (int n = 0; n < batch.size(); n++) {
            for (int k = 0; k < context; k++) {
                int token = token(batch, n, k);
                if (gradientRow[token] < 0) {
                    gradientRow[token] = rows;
                    touched[rows++] = token;
                }
            }
        }
        float[] embeddingGradient = new float[rows * dim];
        float[] weightGradient = new float[weights.length];
        for (int n = 0; n < batch.size(); n++) {
            for (int k = 0; k < context; k++) {
                int token = token(batch, n, k);
                int row = token * dim;
                int sum = gradientRow[token] * dim;
                for (int d = 0; d < dim; d++) {
                    float g = hiddenGradient[n * dim + d];
                    embeddingGradient[sum + d] += weights[k * dim + d] * g;
                    weightGradient[k * dim + d] += embeddings[row + d] * g;
                }
            }
        }
        for (int i = 0; i < rows; i++) {
            optimizer.update(step, embeddings, embeddingSlots, touched[i] * dim, embeddingGradient, i * dim, dim);
            gradientRow[touched[i]] = -1;
        }
        optimizer.update(step, weights, weightSlots, 0, weightGradient, 0, weights.length);
    }

    /** The token that stands {@code k + 1} before the batch's {@code n}-th position. */
    private static int token(Batch batch, int n, int k) {
        return batch.tokens()[batch.positions()[n] - 1 - k];
    }
}
