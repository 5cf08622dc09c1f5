package io.github.cce4j.benchmark.jmh;

import io.github.cce4j.CutCrossEntropy;
import io.github.cce4j.DType;
import io.github.cce4j.Device;
import io.github.cce4j.Forward;
import io.github.cce4j.Gradients;
import io.github.cce4j.Tensor;
import io.github.cce4j.benchmark.Shape;
import java.util.SplittableRandom;
import java.util.concurrent.TimeUnit;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Fork;
import org.openjdk.jmh.annotations.Measurement;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.TearDown;
import org.openjdk.jmh.annotations.Warmup;

/** Forward, and forward with backward, of language-model heads. */
@State(Scope.Benchmark)
@BenchmarkMode(Mode.SingleShotTime)
@OutputTimeUnit(TimeUnit.MILLISECONDS)
@Fork(value = 1, jvmArgsAppend = "--enable-native-access=ALL-UNNAMED")
@Warmup(iterations = 2)
@Measurement(iterations = 7)
public class HeadSpeed {

    @Param("cpu")
    private String device;

    @Param({"512x128256x512", "256x200019x256"})
    private String shape;

    @Param({"F32", "F16", "BF16"})
    private DType dtype;

    private final CutCrossEntropy crossEntropy = CutCrossEntropy.create();
    private Tensor embeddings;
    private Tensor classifier;
    private Tensor targets;

    @Setup
    public void allocate() {
        Shape size = Shape.parse(shape);
        Device on = Device.parse(device);
        SplittableRandom random = new SplittableRandom(1);
        embeddings = Tensor.copyOf(
                on, dtype, uniform(random, size.tokens() * size.hidden(), 1), size.tokens(), size.hidden());
        classifier = Tensor.copyOf(
                on,
                dtype,
                uniform(random, size.classes() * size.hidden(), 1 / Math.sqrt(size.hidden())),
                size.classes(),
                size.hidden());
        targets = Tensor.copyOf(on, random.longs(size.tokens(), 0, size.classes()).toArray(), size.tokens());
    }

    private static float[] uniform(SplittableRandom random, long length, double scale) {
        float[] values = new float[Math.toIntExact(length)];
        for (int i = 0; i < values.length; i++) {
            values[i] = (float) (random.nextDouble(-1, 1) * scale);
        }
        return values;
    }

    @TearDown
    public void close() {
        embeddings.close();
        classifier.close();
        targets.close();
    }

    @Benchmark
    public float forward() {
        try (Forward forward = crossEntropy.forward(embeddings, classifier, targets)) {
            return forward.item();
        }
    }

    @Benchmark
    public float forwardAndBackward() {
        try (Forward forward = crossEntropy.forward(embeddings, classifier, targets);
                Gradients gradients = forward.backward()) {
            gradients.classifier().device().synchronize();
            return forward.item();
        }
    }
}
