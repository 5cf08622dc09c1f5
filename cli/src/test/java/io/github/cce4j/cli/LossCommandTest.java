package io.github.cce4j.cli;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT_UNALIGNED;
import static java.lang.foreign.ValueLayout.JAVA_SHORT;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.github.cce4j.cli.safetensors.ElementType;
import io.github.cce4j.cli.safetensors.SafetensorsFile;
import io.github.cce4j.cli.safetensors.SafetensorsWriter;
import io.github.cce4j.cli.safetensors.TensorInfo;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import tools.jackson.databind.JsonNode;

class LossCommandTest {
    private static final int BATCH = 2;
    private static final int TIME = 5;
    private static final int CLASSES = 7;
    private static final int HIDDEN = 3;
    private static final int POSITIONS = BATCH * TIME;
    private static final int IGNORED = -100;

    @TempDir
    Path folder;
    private final long seed = System.nanoTime();
    private final Random random = new Random(seed);
    private Path input;
    private Path output;
    private float[] embeddings;
    private float[] classifier;
    private float[] bias;
    private int[] targets;

    @BeforeEach
    void makeInputs() {
        input = folder.resolve("in.safetensors");
        output = folder.resolve("out.safetensors");
        embeddings = gaussians(POSITIONS * HIDDEN);
        classifier = gaussians(CLASSES * HIDDEN);
        bias = gaussians(CLASSES);
        targets = random.ints(POSITIONS, 0, CLASSES).toArray();
        targets[3] = IGNORED;
    }

    private float[] gaussians(int length) {
        float[] values = new float[length];
        for (int i = 0; i < length; i++) {
            values[i] = (float) random.nextGaussian();
        }
        return values;
    }

    /** The gradient of the sum of the losses, and the losses, in double. */
    private final class Reference {
        private final double[] losses = new double[POSITIONS];
        private final double[] gradEmbeddings = new double[POSITIONS * HIDDEN];
        private final double[] gradClassifier = new double[CLASSES * HIDDEN];
        private final double[] gradBias = new double[CLASSES];

        private Reference(double softcap) {
            for (int i = 0; i < POSITIONS; i++) {
                if (targets[i] != IGNORED) {
                    position(i, softcap);
                }
            }
        }

        private void position(int i, double softcap) {
            double[] z = new double[CLASSES];
            double sum = 0;
            for (int j = 0; j < CLASSES; j++) {
                double logit = bias[j];
                for (int d = 0; d < HIDDEN; d++) {
                    logit += (double) embeddings[i * HIDDEN + d] * classifier[j * HIDDEN + d];
                }
                z[j] = softcap * Math.tanh(logit / softcap);
                sum += Math.exp(z[j]);
            }
            losses[i] = Math.log(sum) - z[targets[i]];
            for (int j = 0; j < CLASSES; j++) {
                double slope = 1 - z[j] * z[j] / (softcap * softcap);
                double g = (Math.exp(z[j]) / sum - (j == targets[i] ? 1 : 0)) * slope;
                gradBias[j] += g;
                for (int d = 0; d < HIDDEN; d++) {
                    gradEmbeddings[i * HIDDEN + d] += g * classifier[j * HIDDEN + d];
                    gradClassifier[j * HIDDEN + d] += g * embeddings[i * HIDDEN + d];
                }
            }
        }

        private double sum() {
            double sum = 0;
            for (double loss : losses) {
                sum += loss;
            }
            return sum;
        }
    }

    private void write(TensorInfo... tensors) throws IOException {
        try (SafetensorsWriter writer = SafetensorsWriter.create(input, List.of(tensors))) {
            for (TensorInfo tensor : tensors) {
                writer.data(tensor.name()).copyFrom(MemorySegment.ofArray(switch (tensor.name()) {
                    case "embeddings" -> bytes(embeddings, tensor.type());
                    case "classifier" -> bytes(classifier, tensor.type());
                    case "bias" -> bytes(bias, tensor.type());
                    default -> bytes(targets, tensor.type());
                }));
            }
            writer.commit();
        }
    }

    private static byte[] bytes(float[] values, ElementType type) {
        ByteBuffer buffer = ByteBuffer.allocate(values.length * type.bytes()).order(ByteOrder.nativeOrder());
        for (float value : values) {
            if (type == ElementType.BF16) {
                buffer.putShort((short) (Float.floatToIntBits(value) >>> 16));
            } else {
                buffer.putFloat(value);
            }
        }
        return buffer.array();
    }

    private static byte[] bytes(int[] values, ElementType type) {
        ByteBuffer buffer = ByteBuffer.allocate(values.length * type.bytes()).order(ByteOrder.nativeOrder());
        for (int value : values) {
            if (type == ElementType.I64) {
                buffer.putLong(value);
            } else {
                buffer.putInt(value);
            }
        }
        return buffer.array();
    }

    private void writeFlat() throws IOException {
        write(TensorInfo.of("embeddings", ElementType.F32, POSITIONS, HIDDEN),
                TensorInfo.of("classifier", ElementType.F32, CLASSES, HIDDEN),
                TensorInfo.of("bias", ElementType.F32, CLASSES),
                TensorInfo.of("targets", ElementType.I64, POSITIONS));
    }

    private JsonNode run(Object... options) {
        Object[] words = new Object[options.length + 5];
        words[0] = "loss";
        words[1] = "--input";
        words[2] = input;
        words[3] = "--device";
        words[4] = "cpu";
        System.arraycopy(options, 0, words, 5, options.length);
        Cli cli = Cli.run(words);
        assertEquals(0, cli.exitCode(), cli.err());
        assertEquals("", cli.err());
        assertEquals(1, cli.out().lines().count(), cli.out());
        return cli.json();
    }

    private Map<String, float[]> readOutput() throws IOException {
        Map<String, float[]> result = new LinkedHashMap<>();
        try (SafetensorsFile file = SafetensorsFile.open(output)) {
            for (TensorInfo tensor : file.tensors().values()) {
                assertEquals(ElementType.F32, tensor.type(), tensor.name());
                result.put(tensor.name(), file.data(tensor).toArray(JAVA_FLOAT_UNALIGNED));
            }
        }
        return result;
    }

    private void assertClose(double[] expected, double scale, float[] actual) {
        double[] scaled = new double[expected.length];
        double[] widened = new double[actual.length];
        for (int i = 0; i < scaled.length; i++) {
            scaled[i] = expected[i] * scale;
        }
        for (int i = 0; i < widened.length; i++) {
            widened[i] = actual[i];
        }
        assertArrayEquals(scaled, widened, 1e-5, "seed " + seed);
    }

    @Test
    void meanAndItsGradients() throws IOException {
        writeFlat();
        Reference reference = new Reference(2);
        JsonNode line = run("--softcap", 2, "--output", output);
        assertEquals(reference.sum() / (POSITIONS - 1), line.at("/loss").asDouble(), 1e-5, "seed " + seed);
        assertEquals(POSITIONS - 1, line.at("/tokens").asLong());
        assertEquals("cpu", line.at("/device").asString());
        assertTrue(line.at("/milliseconds").asDouble() > 0);
        assertTrue(line.at("/peak_bytes").asLong() > 0);
        assertTrue(line.at("/filter").isMissingNode());

        Map<String, float[]> tensors = readOutput();
        assertEquals(line.at("/loss").asDouble(), tensors.get("loss")[0], 1e-6);
        assertClose(reference.gradEmbeddings, 1.0 / (POSITIONS - 1), tensors.get("grad_embeddings"));
        assertClose(reference.gradClassifier, 1.0 / (POSITIONS - 1), tensors.get("grad_classifier"));
        assertClose(reference.gradBias, 1.0 / (POSITIONS - 1), tensors.get("grad_bias"));
    }

    @Test
    void noneHasALossEachAndTheGradientsOfTheirSum() throws IOException {
        writeFlat();
        Reference reference = new Reference(2);
        JsonNode line = run("--softcap", 2, "--reduction", "none", "--output", output);
        assertEquals(reference.sum(), line.at("/loss").asDouble(), 1e-4, "seed " + seed);
        Map<String, float[]> tensors = readOutput();
        assertClose(reference.losses, 1, tensors.get("loss"));
        assertClose(reference.gradEmbeddings, 1, tensors.get("grad_embeddings"));
        assertClose(reference.gradClassifier, 1, tensors.get("grad_classifier"));
    }

    @Test
    void withAShiftTheLossHasTheShapeOfThePredictedPositions() throws IOException {
        write(TensorInfo.of("embeddings", ElementType.F32, BATCH, TIME, HIDDEN),
                TensorInfo.of("classifier", ElementType.F32, CLASSES, HIDDEN),
                TensorInfo.of("targets", ElementType.I32, BATCH, TIME));
        run("--shift", 2, "--reduction", "none", "--output", output);
        try (SafetensorsFile file = SafetensorsFile.open(output)) {
            assertArrayEquals(new long[] {BATCH, TIME - 2}, file.tensors().get("loss").shape());
            assertArrayEquals(new long[] {BATCH, TIME - 2}, file.tensors().get("lse").shape());
            assertArrayEquals(new long[] {BATCH, TIME, HIDDEN}, file.tensors().get("grad_embeddings").shape());
            assertNull(file.tensors().get("grad_bias"));
        }
    }

    @Test
    void gradientsHaveTheTypeOfTheirInputUnlessToldOtherwise() throws IOException {
        write(TensorInfo.of("embeddings", ElementType.BF16, POSITIONS, HIDDEN),
                TensorInfo.of("classifier", ElementType.BF16, CLASSES, HIDDEN),
                TensorInfo.of("bias", ElementType.F32, CLASSES),
                TensorInfo.of("targets", ElementType.I32, POSITIONS));
        run("--output", output);
        short[] rounded;
        try (SafetensorsFile file = SafetensorsFile.open(output)) {
            assertEquals(ElementType.BF16, file.tensors().get("grad_embeddings").type());
            assertEquals(ElementType.BF16, file.tensors().get("grad_classifier").type());
            assertEquals(ElementType.F32, file.tensors().get("grad_bias").type());
            rounded = file.data(file.tensors().get("grad_classifier")).toArray(JAVA_SHORT);
        }
        run("--output", output, "--grad-dtype", "f32");
        float[] exact = readOutput().get("grad_classifier");
        for (int i = 0; i < exact.length; i++) {
            assertEquals(exact[i], Float.intBitsToFloat(rounded[i] << 16), 0.01 * Math.abs(exact[i]), "seed " + seed);
        }
    }

    @Test
    void withoutGradientsThereAreNone() throws IOException {
        writeFlat();
        double loss = run().at("/loss").asDouble();
        assertEquals(loss, run("--no-gradients", "--output", output).at("/loss").asDouble());
        assertEquals(List.of("loss", "lse"), List.copyOf(readOutput().keySet()));
    }

    @Test
    void tf32ChangesNothingOnTheCpu() throws IOException {
        writeFlat();
        assertEquals(run().at("/loss"), run("--allow-tf32").at("/loss"));
    }

    @Test
    void aFilterReportsWhatItDropped() throws IOException {
        writeFlat();
        JsonNode filter = run("--filter", 0.2).at("/filter");
        assertTrue(filter.at("/embeddings_mean").asDouble() > 0, filter.toString());
        double mean = filter.at("/classifier_mean").asDouble();
        assertTrue(filter.at("/classifier_worst").asDouble() >= mean, filter.toString());
        assertFalse(filter.at("/embeddings_exact").asBoolean());
    }

    @Test
    void whereAFilterWouldDropMoreThanTheLimitGradientsAreExact() throws IOException {
        writeFlat();
        run("--output", output);
        Map<String, float[]> exact = readOutput();
        JsonNode filter = run("--output", output, "--filter", 0.2, "--max-dropped-mass", 1e-9).at("/filter");
        assertTrue(filter.at("/embeddings_exact").asBoolean() && filter.at("/classifier_exact").asBoolean());
        assertEquals(0, filter.at("/classifier_mean").asDouble());
        Map<String, float[]> limited = readOutput();
        exact.forEach((name, values) -> assertArrayEquals(values, limited.get(name), name + ", seed " + seed));
        filter = run("--filter", 0.2, "--max-dropped-mass", 1).at("/filter");
        assertFalse(filter.at("/embeddings_exact").asBoolean() || filter.at("/classifier_exact").asBoolean());
    }

    /** The format does not promise alignment: the same file with a header one byte longer is the same. */
    @Test
    void dataMayBeUnaligned() throws IOException {
        writeFlat();
        double loss = run().at("/loss").asDouble();
        byte[] aligned = Files.readAllBytes(input);
        ByteBuffer shifted = ByteBuffer.allocate(aligned.length + 1).order(ByteOrder.LITTLE_ENDIAN);
        int json = (int) ByteBuffer.wrap(aligned).order(ByteOrder.LITTLE_ENDIAN).getLong();
        shifted.putLong(json + 1).put(aligned, 8, json).put((byte) ' ');
        shifted.put(aligned, 8 + json, aligned.length - 8 - json);
        Files.write(input, shifted.array());
        assertEquals(loss, run().at("/loss").asDouble());
    }

    private void assertBadInput(String expected, Object... options) {
        Object[] words = new Object[options.length + 3];
        words[0] = "loss";
        words[1] = "--input";
        words[2] = input;
        System.arraycopy(options, 0, words, 3, options.length);
        Cli cli = Cli.run(words);
        assertEquals(2, cli.exitCode(), cli.err());
        assertEquals(1, cli.err().lines().count(), cli.err());
        assertTrue(cli.err().contains(expected), cli.err());
    }

    @Test
    void badTensorsAreNamed() throws IOException {
        write(TensorInfo.of("embeddings", ElementType.F32, POSITIONS, HIDDEN),
                TensorInfo.of("targets", ElementType.I32, POSITIONS));
        assertBadInput("'classifier' is missing");
        write(TensorInfo.of("embeddings", ElementType.F32, POSITIONS, HIDDEN),
                TensorInfo.of("classifier", ElementType.F32, CLASSES, HIDDEN),
                TensorInfo.of("targets", ElementType.U32, POSITIONS));
        assertBadInput("'targets' is U32");
        write(TensorInfo.of("embeddings", ElementType.F32, POSITIONS, HIDDEN),
                TensorInfo.of("classifier", ElementType.F32, HIDDEN, CLASSES),
                TensorInfo.of("targets", ElementType.I32, POSITIONS));
        assertBadInput("classifier");
        write(TensorInfo.of("embeddings", ElementType.F32, POSITIONS, HIDDEN),
                TensorInfo.of("labels", ElementType.I32, POSITIONS));
        assertBadInput("unknown tensor 'labels'");
        Files.writeString(input, "this is no tensor file");
        assertBadInput("not a safetensors file");
    }

    @Test
    void aTargetThatIsNoClassIsNamedAndLeavesNoFile() throws IOException {
        targets[4] = CLASSES;
        writeFlat();
        assertBadInput(Integer.toString(CLASSES), "--output", output);
        assertFalse(Files.exists(output));
    }

    @Test
    void anOutputThatCannotBeWrittenIsAFailure() throws IOException {
        writeFlat();
        Cli cli = Cli.run("loss", "--input", input, "--output", folder.resolve("missing").resolve("out.safetensors"));
        assertEquals(1, cli.exitCode(), cli.err());
        assertEquals(1, cli.err().lines().count(), cli.err());
    }
}
