package io.github.cce4j.benchmark.jmh;

import io.github.cce4j.CutCrossEntropy;
import io.github.cce4j.Device;
import io.github.cce4j.Forward;
import io.github.cce4j.Gradients;
import io.github.cce4j.Inputs;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.Fork;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.TearDown;

/** The loss of one head, until it is read. */
@State(Scope.Benchmark)
@Fork(value = 1, jvmArgsAppend = "--enable-native-access=ALL-UNNAMED")
public abstract class HeadBenchmark {

    @Param("cpu")
    private String device;

    private final CutCrossEntropy crossEntropy = CutCrossEntropy.create();
    private Inputs inputs;

    /** Inputs on a device, to be closed by this class. */
    protected abstract Inputs allocate(Device on);

    @Setup
    public final void open() {
        inputs = allocate(Device.parse(device));
    }

    @TearDown
    public final void close() {
        inputs.embeddings().close();
        inputs.classifier().close();
        inputs.targets().close();
    }

    protected final Forward enqueue() {
        return crossEntropy.forward(inputs);
    }

    protected final void drain() {
        inputs.embeddings().device().synchronize();
    }

    @Benchmark
    public final float forward() {
        try (Forward forward = enqueue()) {
            return forward.item();
        }
    }

    @Benchmark
    public final float forwardAndBackward() {
        try (Forward forward = enqueue();
                Gradients gradients = forward.backward()) {
            return forward.item(); // comes after backward on the stream
        }
    }
}
