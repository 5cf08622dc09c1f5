package io.github.cce4j.test.contract;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.github.cce4j.CutCrossEntropy;
import io.github.cce4j.DType;
import io.github.cce4j.Device;
import io.github.cce4j.Forward;
import io.github.cce4j.Gradient;
import io.github.cce4j.GradientFilter;
import io.github.cce4j.Gradients;
import io.github.cce4j.Reduction;
import io.github.cce4j.Tensor;
import io.github.cce4j.test.Devices;
import io.github.cce4j.test.Seeds;
import io.github.cce4j.test.oracle.Agreement;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Random;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.DynamicNode;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.TestFactory;

/** More than 2^31 logits, and more than 2^31 elements of the classifier: every index must have 64 bits. */
@Tag("contract")
@Tag("kernels")
class LargeTest {

    private static final long BEYOND_32_BITS = 1L << 31;

    /** The relative error of float32 gradients that are sums of 70,001 terms. */
    private static final double LONG_SUM = 1e-5;

    @TestFactory
    Stream<DynamicNode> moreLogitsThan32BitsCount() {
        return Devices.each(device -> {
            int rows = 70_001;
            int classes = 32_003;
            assertTrue((long) rows * classes > BEYOND_32_BITS);
            Random random = Seeds.random("large");
            float[] embeddings = normal(random, rows);
            float[] classifier = normal(random, classes);
            long[] targets = random.longs(rows, 0, classes).toArray();
            CutCrossEntropy loss = CutCrossEntropy.builder().reduction(Reduction.NONE).filter(GradientFilter.none())
                    .build();
            try (Tensor e = Tensor.copyOf(device, embeddings, rows, 1);
                    Tensor c = Tensor.copyOf(device, classifier, classes, 1);
                    Tensor y = Tensor.copyOf(device, targets, rows);
                    Forward forward = loss.forward(e, c, y);
                    Gradients gradients = forward.backward()) {
                float[] lse = forward.lse().toFloats();
                for (int r : new int[] {0, rows / 2, rows - 1}) {
                    double sum = 0;
                    for (float weight : classifier) {
                        sum += Math.exp((double) embeddings[r] * weight);
                    }
                    assertEquals(Math.log(sum), lse[r], 1e-5 * Math.log(sum), "lse of row " + r);
                }
                float[] all = gradients.classifier().toFloats();
                int[] sample = IntStream.concat(IntStream.of(0, classes - 1), random.ints(30, 1, classes)).toArray();
                double[] expected = new double[sample.length];
                float[] actual = new float[sample.length];
                for (int i = 0; i < sample.length; i++) {
                    expected[i] = gradientOfClass(sample[i], embeddings, classifier[sample[i]], targets, lse);
                    actual[i] = all[sample[i]];
                }
                Agreement.closeInNorm("gradient of 32 classes", expected, actual, LONG_SUM * Agreement.norm(expected));
            }
        });
    }

    private static double gradientOfClass(int j, float[] embeddings, float weight, long[] targets, float[] lse) {
        double sum = 0;
        for (int r = 0; r < embeddings.length; r++) {
            double dz = Math.exp((double) embeddings[r] * weight - lse[r]) - (targets[r] == j ? 1 : 0);
            sum += dz * embeddings[r];
        }
        return sum;
    }

    @TestFactory
    Stream<DynamicNode> moreWeightsThan32BitsCount() {
        return Devices.eachCuda(device -> {
            long classes = 1_050_001;
            long hidden = 2049;
            long bytes = classes * hidden * DType.BF16.bytes();
            assertTrue(classes * hidden > BEYOND_32_BITS);
            Assumptions.assumeTrue(device.properties().freeMemory() > 3 * bytes, "too little memory on " + device);
            try (Arena arena = Arena.ofShared()) {
                checkWide(device, classes, hidden, pattern(arena.allocate(bytes, 64)), arena);
            }
        });
    }

    /** The classifier repeats a prime number of values, so no two rows are alike. */
    private static void checkWide(Device device, long classes, long hidden, MemorySegment weights, Arena arena) {
        short[] embedding = pattern(arena.allocate(hidden * 2, 64)).toArray(ValueLayout.JAVA_SHORT);
        double target = 0;
        for (int d = 0; d < hidden; d++) {
            short weight = weights.getAtIndex(ValueLayout.JAVA_SHORT, (classes - 1) * hidden + d);
            target += (double) value(embedding[d]) * value(weight);
        }
        CutCrossEntropy loss = CutCrossEntropy.builder().reduction(Reduction.SUM).gradients(Gradient.CLASSIFIER)
                .build();
        try (Tensor e = Tensor.copyOf(device, DType.BF16, embedding, 1, hidden);
                Tensor c = Tensor.copyOf(device, DType.BF16, weights, classes, hidden);
                Tensor y = Tensor.copyOf(device, new long[] {classes - 1}, 1);
                Forward forward = loss.forward(e, c, y);
                Gradients gradients = forward.backward()) {
            assertEquals(target, forward.targetLogit().item(), 1e-4 * Math.max(1, Math.abs(target)));
            double probability = Math.exp(target - forward.lse().toFloats()[0]);
            MemorySegment gradient = arena.allocate(classes * hidden * 2, 64);
            gradients.classifier().copyTo(gradient);
            for (int d = 0; d < hidden; d++) {
                double expected = (probability - 1) * value(embedding[d]);
                float actual = value(gradient.getAtIndex(ValueLayout.JAVA_SHORT, (classes - 1) * hidden + d));
                assertEquals(expected, actual, 6e-3 * Math.abs(expected) + 1e-6,
                        "gradient of the target's weight " + d);
            }
        }
    }

    private static MemorySegment pattern(MemorySegment bits) {
        short[] period = new short[65_521];
        Random random = Seeds.random("pattern");
        for (int i = 0; i < period.length; i++) {
            period[i] = (short) (Float.floatToRawIntBits((float) random.nextGaussian() / 16) >>> 16);
        }
        long length = bits.byteSize() / 2;
        for (long at = 0; at < length; at += period.length) {
            int count = (int) Math.min(period.length, length - at);
            MemorySegment.copy(MemorySegment.ofArray(period), 0, bits, at * 2, count * 2L);
        }
        return bits;
    }

    private static float value(short bits) {
        return Float.intBitsToFloat(bits << 16);
    }

    private static float[] normal(Random random, int length) {
        float[] values = new float[length];
        for (int i = 0; i < length; i++) {
            values[i] = (float) random.nextGaussian();
        }
        return values;
    }
}
