package io.github.cce4j.snippets;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.github.cce4j.CutCrossEntropy;
import io.github.cce4j.Device;
import io.github.cce4j.Forward;
import io.github.cce4j.Inputs;
import io.github.cce4j.Tensor;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** Runs the examples of the documentation. */
class SnippetsTest {
    private static final int POSITIONS = 3;
    private static final int CLASSES = 4;
    private static final int HIDDEN = 2;

    private Device device;
    private Tensor embeddings;
    private Tensor classifier;
    private Tensor targets;
    private Inputs inputs;

    @BeforeEach
    void makeInputs() {
        device = Device.best();
        embeddings = Tensor.copyOf(device, new float[] {1, -2, 3, 0.5f, -1, 2}, POSITIONS, HIDDEN);
        classifier = Tensor.copyOf(device, new float[] {0.5f, 1, -1, 0.25f, 2, 1, -0.5f, -1}, CLASSES, HIDDEN);
        targets = Tensor.copyOf(device, new int[] {3, 2, 0}, POSITIONS);
        inputs = Inputs.of(embeddings, classifier, targets);
    }

    @AfterEach
    void closeInputs() {
        targets.close();
        classifier.close();
        embeddings.close();
        assertEquals(0, device.memoryUsage().liveBytes());
    }

    @Test
    void tensors() {
        assertEquals(6, TensorSnippets.tensor().length);
        assertEquals(60, TensorSnippets.view());
        assertEquals(256_000L * 2304 * 2, TensorSnippets.dtype());
    }

    @Test
    void devices() {
        assertEquals(device, DeviceSnippets.best());
        assertTrue(DeviceSnippets.freeShare(device) > 0);
        assertTrue(DeviceSnippets.peak(device, inputs) > 0);
        assertTrue(DeviceSnippets.event(device, CutCrossEntropy.create(), inputs) >= 0);
        assertTrue(DeviceSnippets.library().contains("libcce"));
    }

    @Test
    void losses() {
        float mean = loss(CutCrossEntropy.create());
        assertEquals(mean, DeviceSnippets.stream(device, inputs));
        assertEquals(mean, LossSnippets.inputs(embeddings, classifier, targets, null));
        assertEquals(mean, LossSnippets.gradient(inputs));
        assertEquals("loss " + mean, LossSnippets.status(inputs));
        float[] each = LossSnippets.reduction(inputs);
        assertEquals(mean, (each[0] + each[1] + each[2]) / POSITIONS, 1e-6);
        assertEquals(Math.exp(mean) + POSITIONS, LossSnippets.output(inputs), 1e-6);
        assertEquals(mean + each[0], LossSnippets.forward(inputs), 1e-6);
        assertTrue(LossSnippets.first() > 6);
        assertTrue(LossSnippets.plan(inputs) > 0);
        assertTrue(LossSnippets.report(inputs) >= 0);
        assertEquals(3, LossSnippets.filter().size());
        assertTrue(loss(LossSnippets.builder()) > 0);
    }

    @Test
    void gradientsAccumulate() {
        try (Tensor sum = Tensor.zeros(device, classifier.dtype(), CLASSES, HIDDEN);
                Forward forward = CutCrossEntropy.create().forward(inputs)) {
            float[] once = LossSnippets.gradients(forward);
            LossSnippets.backward(forward, sum);
            LossSnippets.backward(forward, sum);
            float[] twice = sum.toFloats();
            for (int i = 0; i < once.length; i++) {
                assertEquals(2 * once[i], twice[i], 1e-6);
            }
            assertTrue(LossSnippets.trainingStep(embeddings, classifier, targets, sum) > 0);
        }
    }

    private float loss(CutCrossEntropy loss) {
        try (Forward forward = loss.forward(inputs)) {
            return forward.item();
        }
    }
}
