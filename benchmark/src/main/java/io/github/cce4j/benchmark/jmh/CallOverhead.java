package io.github.cce4j.benchmark.jmh;

import io.github.cce4j.CutCrossEntropy;
import io.github.cce4j.Device;
import io.github.cce4j.Forward;
import io.github.cce4j.Gradients;
import io.github.cce4j.Library;
import io.github.cce4j.Tensor;
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

/** What a call costs when there is next to nothing to compute: the Java layer, the downcalls, the allocations. */
@State(Scope.Benchmark)
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.MICROSECONDS)
@Fork(value = 1, jvmArgsAppend = "--enable-native-access=ALL-UNNAMED")
@Warmup(iterations = 5, time = 1)
@Measurement(iterations = 5, time = 1)
public class CallOverhead {

    @Param("cpu")
    private String device;

    private final CutCrossEntropy crossEntropy = CutCrossEntropy.create();
    private Tensor embeddings;
    private Tensor classifier;
    private Tensor targets;

    @Setup
    public void allocate() {
        Library.setCpuThreads(1);
        Device on = Device.parse(device);
        embeddings = Tensor.copyOf(on, new float[] {0.5f, -1, 2, 1.5f}, 1, 4);
        classifier = Tensor.copyOf(on, new float[] {1, 2, 3, 4, -4, -3, -2, -1}, 2, 4);
        targets = Tensor.copyOf(on, new int[] {1}, 1);
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
            return forward.item();
        }
    }
}
