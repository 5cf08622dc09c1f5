package io.github.cce4j.test.contract;

import io.github.cce4j.CutCrossEntropy;
import io.github.cce4j.DType;
import io.github.cce4j.Library;
import io.github.cce4j.Stream;
import io.github.cce4j.test.Devices;
import io.github.cce4j.test.Seeds;
import io.github.cce4j.test.Together;
import io.github.cce4j.test.cases.Case;
import io.github.cce4j.test.cases.Data;
import io.github.cce4j.test.cases.Filter;
import io.github.cce4j.test.cases.Shape;
import io.github.cce4j.test.oracle.Result;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.DynamicNode;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.TestFactory;

/** The same inputs give the same bits, on any run, number of threads, stream and with any company. */
@Tag("contract")
@Tag("kernels")
class DeterminismTest {

    private static final int RUNS = 10;

    private static final List<Filter> FILTERS = List.of(Filter.NONE, new Filter(0.003, 0.001, 0),
            new Filter(0.01, 0.01, 1e-12));

    @TestFactory
    java.util.stream.Stream<DynamicNode> onEveryRun() {
        return Devices.each("runs", cases(), (device, c) -> {
            Data data = Data.of(c);
            Result first = SafeCall.run(device, c, data);
            for (int i = 1; i < RUNS; i++) {
                first.requireSameBits(SafeCall.run(device, c, data));
            }
        });
    }

    @TestFactory
    java.util.stream.Stream<DynamicNode> withAnyNumberOfThreads() {
        return Devices.each("threads", cases(), (device, c) -> {
            Data data = Data.of(c);
            Result first = SafeCall.run(device, c, data);
            int before = Library.cpuThreads();
            try {
                for (int threads : new int[] {1, 2, 3, 5, 8, 31}) {
                    Library.setCpuThreads(threads);
                    first.requireSameBits(SafeCall.run(device, c, data));
                }
            } finally {
                Library.setCpuThreads(before);
            }
        });
    }

    @TestFactory
    java.util.stream.Stream<DynamicNode> fromManyThreadsAtOnce() {
        return Devices.each("company", cases(), (device, c) -> {
            Data data = Data.of(c);
            CutCrossEntropy shared = c.configuration().build();
            Result alone = SafeCall.run(device, c, data, shared);
            Together.run(8, () -> {
                for (int i = 0; i < 3; i++) {
                    alone.requireSameBits(SafeCall.run(device, c, data, shared));
                }
            });
        });
    }

    @TestFactory
    java.util.stream.Stream<DynamicNode> onTwoStreamsAtOnce() {
        return Devices.each("streams", cases(), (device, c) -> {
            Data data = Data.of(c);
            Result alone = SafeCall.run(device, c, data);
            Together.run(2, () -> {
                try (Stream stream = device.newStream()) {
                    CutCrossEntropy own = c.configuration().stream(stream).build();
                    for (int i = 0; i < 3; i++) {
                        alone.requireSameBits(SafeCall.run(device, c, data, own));
                    }
                }
            });
        });
    }

    private static List<Case> cases() {
        long seed = Seeds.random("determinism").nextLong();
        List<Case> cases = new ArrayList<>();
        for (DType dtype : new DType[] {DType.F32, DType.F16, DType.BF16}) {
            for (Filter filter : FILTERS) {
                cases.add(Case.everything(seed, Shape.rows(301, 2003, 129), dtype, filter));
                cases.add(Case.everything(seed, Shape.sequences(3, 20, 515, 64), dtype, filter));
            }
        }
        return cases;
    }
}
