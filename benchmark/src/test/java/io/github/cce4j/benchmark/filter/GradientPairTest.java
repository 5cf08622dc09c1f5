package io.github.cce4j.benchmark.filter;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.github.cce4j.Device;
import io.github.cce4j.GradientFilter;
import io.github.cce4j.Inputs;
import io.github.cce4j.Tensor;
import org.junit.jupiter.api.Test;

class GradientPairTest {

    @Test
    void errorsAreRelativeToTheExactNorm() {
        assertEquals(0, GradientPair.relativeError(new float[] {3, 4}, new float[] {3, 4}));
        assertEquals(0.2, GradientPair.relativeError(new float[] {3, 3}, new float[] {3, 4}), 1e-12);
        assertTrue(Double.isNaN(GradientPair.relativeError(new float[2], new float[2])));
    }

    @Test
    void aRowIsLostIfItBecameZero() {
        float[] exact = {1, 0, 0, 0, 2, 3, 0, 5};
        float[] filtered = {0, 0, 0, 0, 2, 0, 0, 0};
        assertEquals(0.5, GradientPair.lostRows(filtered, exact, 4));
    }

    /** One position, whose softmax over three classes is (4, 2, 1) / 7 and whose target is the first. */
    @Test
    void aFilterLosesTheClassesBelowIt() {
        float log2 = (float) Math.log(2);
        Device device = Device.cpu();
        try (Tensor embeddings = Tensor.copyOf(device, new float[] {1}, 1, 1);
                Tensor classifier = Tensor.copyOf(device, new float[] {2 * log2, log2, 0}, 3, 1);
                Tensor targets = Tensor.copyOf(device, new int[] {0}, 1)) {
            Inputs inputs = Inputs.of(embeddings, classifier, targets);
            GradientPair exact = GradientPair.compute(inputs, GradientFilter.none());
            FilterError error = GradientPair.compute(inputs, GradientFilter.of(0.2)).error(exact, 5, 0.2);
            assertEquals(5, error.step());
            assertEquals(1.0 / 3, error.lostClasses(), 1e-12);
            assertEquals(1.0 / 7, error.dropped().classifierMean(), 1e-6);
            assertEquals(1 / Math.sqrt(9 + 4 + 1), error.classifier(), 1e-6);
            assertEquals(0, error.embeddings(), 1e-6);
        }
    }
}
