package io.github.cce4j.test.misuse;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.github.cce4j.CutCrossEntropy;
import io.github.cce4j.DType;
import io.github.cce4j.Device;
import io.github.cce4j.Forward;
import io.github.cce4j.Gradients;
import io.github.cce4j.Inputs;
import io.github.cce4j.Output;
import io.github.cce4j.Reduction;
import io.github.cce4j.Tensor;
import io.github.cce4j.test.Devices;
import io.github.cce4j.test.Seeds;
import java.util.List;
import java.util.Random;
import java.util.stream.Stream;
import org.junit.jupiter.api.DynamicNode;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.TestFactory;

/** NaN and infinity go where they go in PyTorch: into what depends on them, and nowhere else. */
@Tag("contract")
@Tag("kernels")
class NonFiniteTest {

    private static final int ROWS = 37;
    private static final int CLASSES = 67;
    private static final int HIDDEN = 19;
    private static final int ROW = 5;
    private static final int CLASS = 41;

    private static final CutCrossEntropy PER_TOKEN = CutCrossEntropy.builder().reduction(Reduction.NONE)
            .outputs(Output.ARGMAX, Output.ENTROPY).build();

    private record Bad(DType dtype, float value) {}

    private static final List<Bad> BAD = Stream.of(DType.F32, DType.F16, DType.BF16)
            .flatMap(dtype -> Stream.of(Float.NaN, Float.POSITIVE_INFINITY, Float.NEGATIVE_INFINITY)
                    .map(value -> new Bad(dtype, value))).toList();

    private final float[] embeddings = Problem.normal(Seeds.random("embeddings"), ROWS * HIDDEN);
    private final float[] classifier = Problem.normal(Seeds.random("classifier"), CLASSES * HIDDEN);
    private final float[] bias = Problem.normal(Seeds.random("bias"), CLASSES);
    private final long[] targets = targets(Seeds.random("targets"));

    @TestFactory
    Stream<DynamicNode> inAnEmbeddingStaysInItsRow() {
        return Devices.each("value", BAD, (device, bad) -> {
            float[] spoiled = embeddings.clone();
            spoiled[ROW * HIDDEN + 3] = bad.value();
            try (Uploaded in = new Uploaded(device, bad.dtype(), spoiled, classifier, bias, targets);
                    Forward forward = PER_TOKEN.forward(in.inputs); Gradients gradients = forward.backward()) {
                float[] loss = forward.loss().toFloats();
                float[] gradient = gradients.embeddings().toFloats();
                for (int r = 0; r < ROWS; r++) {
                    assertEquals(r != ROW, Float.isFinite(loss[r]), "loss of row " + r + ": " + loss[r]);
                    assertEquals(r != ROW, Float.isFinite(gradient[r * HIDDEN]), "gradient of row " + r);
                }
                assertFalse(Float.isFinite(gradients.classifier().toFloats()[0]), "every class depends on the row");
            }
        });
    }

    @TestFactory
    Stream<DynamicNode> inAnIgnoredRowDoesNotMatter() {
        return Devices.each("value", BAD, (device, bad) -> {
            float[] spoiled = embeddings.clone();
            spoiled[ROW * HIDDEN] = bad.value();
            long[] ignoring = targets.clone();
            ignoring[ROW] = -100;
            try (Uploaded in = new Uploaded(device, bad.dtype(), spoiled, classifier, bias, ignoring);
                    Forward forward = CutCrossEntropy.create().forward(in.inputs);
                    Gradients gradients = forward.backward()) {
                assertTrue(Float.isFinite(forward.item()));
                assertFinite(gradients.embeddings().toFloats());
                assertFinite(gradients.classifier().toFloats());
            }
        });
    }

    @TestFactory
    Stream<DynamicNode> inTheClassifierReachesEveryRow() {
        return Devices.each("value", BAD, (device, bad) -> {
            float[] spoiled = classifier.clone();
            spoiled[CLASS * HIDDEN] = bad.value();
            try (Uploaded in = new Uploaded(device, bad.dtype(), embeddings, spoiled, bias, targets);
                    Forward forward = PER_TOKEN.forward(in.inputs); Gradients ignored = forward.backward()) {
                float[] loss = forward.loss().toFloats();
                for (int r = 0; r < ROWS; r++) {
                    float logit = bad.value() * embeddings[r * HIDDEN];
                    boolean excluded = logit == Float.NEGATIVE_INFINITY && targets[r] != CLASS;
                    assertEquals(excluded, Float.isFinite(loss[r]), "loss of row " + r + ": " + loss[r]);
                }
            }
        });
    }

    /** The usual way to take a class out of the softmax. */
    @TestFactory
    Stream<DynamicNode> aBiasOfMinusInfinityExcludesAClass() {
        return Devices.each("dtype", List.of(DType.F32, DType.F16, DType.BF16), (device, dtype) -> {
            float[] excluding = bias.clone();
            excluding[CLASS] = Float.NEGATIVE_INFINITY;
            excluding[0] = Float.NEGATIVE_INFINITY;
            excluding[CLASSES - 1] = Float.NEGATIVE_INFINITY;
            long[] others = targets.clone();
            for (int r = 0; r < ROWS; r++) {
                others[r] = Float.isInfinite(excluding[(int) others[r]]) ? 1 : others[r];
            }
            try (Uploaded in = new Uploaded(device, dtype, embeddings, classifier, excluding, others);
                    Forward forward = PER_TOKEN.forward(in.inputs); Gradients gradients = forward.backward()) {
                assertFinite(forward.loss().toFloats());
                assertFinite(forward.entropy().toFloats());
                assertFinite(gradients.embeddings().toFloats());
                float[] ofClassifier = gradients.classifier().toFloats();
                assertFinite(ofClassifier);
                for (int d = 0; d < HIDDEN; d++) {
                    assertEquals(0, ofClassifier[CLASS * HIDDEN + d]);
                }
                assertEquals(0, gradients.bias().toFloats()[CLASS]);
            }
        });
    }

    private static void assertFinite(float[] values) {
        for (int i = 0; i < values.length; i++) {
            assertTrue(Float.isFinite(values[i]), "[" + i + "] is " + values[i]);
        }
    }

    private static long[] targets(Random random) {
        return random.longs(ROWS, 0, CLASSES).toArray();
    }

    private static final class Uploaded implements AutoCloseable {
        private final Inputs inputs;

        Uploaded(Device device, DType dtype, float[] embeddings, float[] classifier, float[] bias, long[] targets) {
            inputs = Inputs.of(Tensor.copyOf(device, dtype, embeddings, ROWS, HIDDEN),
                            Tensor.copyOf(device, dtype, classifier, CLASSES, HIDDEN),
                            Tensor.copyOf(device, targets, ROWS))
                    .withBias(Tensor.copyOf(device, bias, CLASSES));
        }

        @Override
        public void close() {
            inputs.embeddings().close();
            inputs.classifier().close();
            inputs.targets().close();
            inputs.bias().close();
        }
    }
}
