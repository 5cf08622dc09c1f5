package io.github.cce4j.benchmark.jmh;

import io.github.cce4j.Device;
import io.github.cce4j.Forward;
import io.github.cce4j.Inputs;
import io.github.cce4j.Library;
import io.github.cce4j.Tensor;
import java.util.concurrent.TimeUnit;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Level;
import org.openjdk.jmh.annotations.Measurement;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OperationsPerInvocation;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.TearDown;
import org.openjdk.jmh.annotations.Warmup;

/**
 * What a call costs when there is next to nothing to compute: the Java layer, the downcalls, the allocations, on a GPU
 * the launches. The inherited benchmarks wait for the result; those named enqueue do not: their time is what a call
 * takes from the thread that makes it.
 */
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.MICROSECONDS)
@Warmup(iterations = 5, time = 1)
@Measurement(iterations = 5, time = 1)
public class CallOverhead extends HeadBenchmark {

    /** Calls between two waits for the device: few enough that its queue never fills and stops the caller. */
    private static final int BATCH = 16;

    @Override
    protected Inputs allocate(Device on) {
        Library.setCpuThreads(1);
        return Inputs.of(
                Tensor.copyOf(on, new float[] {0.5f, -1, 2, 1.5f}, 1, 4),
                Tensor.copyOf(on, new float[] {1, 2, 3, 4, -4, -3, -2, -1}, 2, 4),
                Tensor.copyOf(on, new int[] {1}, 1));
    }

    /** Waits for the device between batches, outside of the measured time. */
    @State(Scope.Benchmark)
    public static class Drain {
        @TearDown(Level.Invocation)
        public void drain(CallOverhead of) {
            of.drain();
        }
    }

    @Benchmark
    @OperationsPerInvocation(BATCH)
    public void enqueueForward(Drain drain) {
        for (int i = 0; i < BATCH; i++) {
            enqueue().close();
        }
    }

    @Benchmark
    @OperationsPerInvocation(BATCH)
    public void enqueueForwardAndBackward(Drain drain) {
        for (int i = 0; i < BATCH; i++) {
            try (Forward forward = enqueue()) {
                forward.backward().close();
            }
        }
    }
}
