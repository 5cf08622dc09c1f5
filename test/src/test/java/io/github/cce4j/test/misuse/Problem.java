package io.github.cce4j.test.misuse;

import io.github.cce4j.Device;
import io.github.cce4j.Inputs;
import io.github.cce4j.Tensor;
import java.util.Random;

/** A small problem that is right in every respect, for a test to spoil in one: 6 rows, 11 classes, 8 wide, float32. */
final class Problem implements AutoCloseable {

    static final int ROWS = 6;
    static final int CLASSES = 11;
    static final int HIDDEN = 8;

    final Device device;
    final Tensor embeddings;
    final Tensor classifier;
    final Tensor targets;
    final Tensor bias;
    final Tensor classWeights;
    final Tensor tokenWeights;

    Problem(Device device) {
        this.device = device;
        Random random = new Random(1);
        embeddings = Tensor.copyOf(device, normal(random, ROWS * HIDDEN), ROWS, HIDDEN);
        classifier = Tensor.copyOf(device, normal(random, CLASSES * HIDDEN), CLASSES, HIDDEN);
        targets = Tensor.copyOf(device, new long[] {0, 10, 3, 4, 5, 1}, ROWS);
        bias = Tensor.copyOf(device, normal(random, CLASSES), CLASSES);
        classWeights = Tensor.copyOf(device, positive(random, CLASSES), CLASSES);
        tokenWeights = Tensor.copyOf(device, positive(random, ROWS), ROWS);
    }

    Inputs inputs() {
        return new Inputs(embeddings, classifier, targets, bias, classWeights, tokenWeights);
    }

    Inputs withEmbeddings(Tensor other) {
        return new Inputs(other, classifier, targets, bias, classWeights, tokenWeights);
    }

    Inputs withClassifier(Tensor other) {
        return new Inputs(embeddings, other, targets, bias, classWeights, tokenWeights);
    }

    Inputs withTargets(Tensor other) {
        return new Inputs(embeddings, classifier, other, bias, classWeights, tokenWeights);
    }

    static float[] normal(Random random, int length) {
        float[] values = new float[length];
        for (int i = 0; i < length; i++) {
            values[i] = (float) random.nextGaussian();
        }
        return values;
    }

    private static float[] positive(Random random, int length) {
        float[] values = new float[length];
        for (int i = 0; i < length; i++) {
            values[i] = 0.5f + random.nextFloat();
        }
        return values;
    }

    @Override
    public void close() {
        embeddings.close();
        classifier.close();
        targets.close();
        bias.close();
        classWeights.close();
        tokenWeights.close();
    }
}
