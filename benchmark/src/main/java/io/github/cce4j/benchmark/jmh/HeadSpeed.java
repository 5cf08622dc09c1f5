package io.github.cce4j.benchmark.jmh;

import io.github.cce4j.DType;
import io.github.cce4j.Device;
import io.github.cce4j.Inputs;
import io.github.cce4j.Tensor;
import io.github.cce4j.benchmark.Shape;
import java.util.SplittableRandom;
import java.util.concurrent.TimeUnit;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Measurement;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Warmup;

/** Forward, and forward with backward, of language-model heads. */
@BenchmarkMode(Mode.SingleShotTime)
@OutputTimeUnit(TimeUnit.MILLISECONDS)
@Warmup(iterations = 2)
@Measurement(iterations = 7)
public class HeadSpeed extends HeadBenchmark {

    @Param({"512x128256x512", "256x200019x256"})
    private String shape;

    @Param({"F32", "F16", "BF16"})
    private DType dtype;

    @Override
    protected Inputs allocate(Device on) {
        Shape size = Shape.parse(shape);
        SplittableRandom random = new SplittableRandom(1);
        float[] embeddings = uniform(random, size.tokens() * size.hidden(), 1);
        float[] classifier = uniform(random, size.classes() * size.hidden(), 1 / Math.sqrt(size.hidden()));
        long[] targets = random.longs(size.tokens(), 0, size.classes()).toArray();
        return Inputs.of(
                Tensor.copyOf(on, dtype, embeddings, size.tokens(), size.hidden()),
                Tensor.copyOf(on, dtype, classifier, size.classes(), size.hidden()),
                Tensor.copyOf(on, targets, size.tokens()));
    }

    private static float[] uniform(SplittableRandom random, long length, double scale) {
        float[] values = new float[Math.toIntExact(length)];
        for (int i = 0; i < values.length; i++) {
            values[i] = (float) (random.nextDouble(-1, 1) * scale);
        }
        return values;
    }
}
