package io.github.cce4j.test.cases;

import io.github.cce4j.DType;
import io.github.cce4j.Gradient;
import io.github.cce4j.test.cases.Case.Ignored;
import io.github.cce4j.test.cases.Case.Weights;
import java.util.Random;

/**
 * The values of a case, drawn from its seed and already rounded to its dtypes: what the oracles read as numbers is
 * what the product reads as bits. Logits have a standard deviation of about two, so that some softmax entries fall
 * above the filter's thresholds and most below. What is absent is null. The old values are what a gradient buffer
 * holds before a gradient is added into it.
 */
public record Data(
        float[] embeddings, float[] classifier, float[] bias, long[] targets, float[] classWeights,
        float[] tokenWeights, float[] gradLoss, float[] gradLse, float[] oldEmbeddings, float[] oldClassifier,
        float[] oldBias) {

    public float[] old(Gradient gradient) {
        return switch (gradient) {
            case EMBEDDINGS -> oldEmbeddings;
            case CLASSIFIER -> oldClassifier;
            case BIAS -> oldBias;
        };
    }

    public static Data of(Case c) {
        Random random = new Random(c.seed());
        Shape shape = c.shape();
        int tokens = shape.tokens();
        int classes = shape.classes();
        double scale = 2 / Math.sqrt(shape.hidden());
        return new Data(
                normal(random, c.dtype(), tokens * shape.hidden(), 1),
                normal(random, c.dtype(), classes * shape.hidden(), scale),
                c.hasBias() ? normal(random, c.biasType(), classes, 0.5) : null,
                targets(random, c),
                weights(random, c.classWeights(), classes),
                weights(random, c.tokenWeights(), tokens),
                c.gradLoss() ? normal(random, DType.F32, c.lossEntries(), 1) : null,
                c.gradLse() ? normal(random, DType.F32, c.rows(), 0.1) : null,
                normal(random, c.gradientDType(Gradient.EMBEDDINGS), tokens * shape.hidden(), 0.1),
                normal(random, c.gradientDType(Gradient.CLASSIFIER), classes * shape.hidden(), 0.1),
                normal(random, c.gradientDType(Gradient.BIAS), classes, 0.1));
    }

    private static float[] normal(Random random, DType dtype, int length, double scale) {
        float[] values = new float[length];
        for (int i = 0; i < length; i++) {
            values[i] = Floats.round(dtype, (float) (random.nextGaussian() * scale));
        }
        return values;
    }

    private static long[] targets(Random random, Case c) {
        long[] targets = new long[c.shape().tokens()];
        for (int i = 0; i < targets.length; i++) {
            boolean ignored = c.ignored() == Ignored.ALL || c.ignored() != Ignored.NONE && random.nextInt(10) < 3;
            targets[i] = ignored ? c.ignoreIndex() : random.nextInt(c.shape().classes());
        }
        return targets;
    }

    private static float[] weights(Random random, Weights kind, int length) {
        if (kind == Weights.ABSENT) {
            return null;
        }
        float[] weights = new float[length];
        for (int i = 0; i < length; i++) {
            boolean zero = kind == Weights.SOME_ZERO && random.nextInt(4) == 0;
            weights[i] = zero ? 0 : 0.3f + 1.7f * random.nextFloat();
        }
        return weights;
    }
}
