package io.github.cce4j.test.misuse;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.github.cce4j.CutCrossEntropy;
import io.github.cce4j.DType;
import io.github.cce4j.Device;
import io.github.cce4j.Forward;
import io.github.cce4j.Gradients;
import io.github.cce4j.Reduction;
import io.github.cce4j.Status;
import io.github.cce4j.Tensor;
import io.github.cce4j.test.Devices;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.DynamicNode;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.TestFactory;

/** Targets that name no class: an error with position and value wherever a result is read, and no stray read. */
@Tag("contract")
class TargetsTest {

    private record Bad(DType dtype, int position, long value) {

        Tensor in(Device device) {
            long[] targets = {0, 10, 3, 4, 5, 1};
            targets[position] = value;
            return dtype == DType.I64 ? Tensor.copyOf(device, targets, Problem.ROWS)
                    : Tensor.copyOf(device, Arrays.stream(targets).mapToInt(t -> (int) t).toArray(), Problem.ROWS);
        }
    }

    @TestFactory
    Stream<DynamicNode> aBadTargetIsNamed() {
        List<Bad> all = new ArrayList<>();
        for (int position : new int[] {0, 3, Problem.ROWS - 1}) {
            for (long value : new long[] {-1, Problem.CLASSES, -101, Integer.MIN_VALUE, Integer.MAX_VALUE}) {
                all.add(new Bad(DType.I32, position, value));
                all.add(new Bad(DType.I64, position, value));
            }
            for (long value : new long[] {Long.MIN_VALUE, Long.MAX_VALUE, 1L << 32, -100 + (1L << 32)}) {
                all.add(new Bad(DType.I64, position, value));
            }
        }
        return Devices.each("bad", all, (device, bad) -> {
            try (Problem p = new Problem(device); Tensor targets = bad.in(device)) {
                String[] words = {"target " + bad.value(), "position " + bad.position(), "11"};
                for (Reduction reduction : Reduction.values()) {
                    CutCrossEntropy loss = CutCrossEntropy.builder().reduction(reduction).build();
                    Refusal.status(Status.TARGET, () -> read(loss, p, targets), words);
                }
            }
        });
    }

    /** The error comes at the latest when a result is read. */
    private static void read(CutCrossEntropy loss, Problem p, Tensor targets) {
        try (Forward forward = loss.forward(p.withTargets(targets))) {
            forward.check();
        }
    }

    @TestFactory
    Stream<DynamicNode> theFirstOfSeveralIsNamed() {
        return Devices.each(device -> {
            try (Problem p = new Problem(device);
                    Tensor targets = Tensor.copyOf(device, new long[] {0, 1, 99, 2, -7, 12}, Problem.ROWS)) {
                Refusal.status(Status.TARGET, () -> read(CutCrossEntropy.create(), p, targets), "target 99",
                        "position 2");
            }
        });
    }

    @TestFactory
    Stream<DynamicNode> targetsThatNobodyPredictsDoNotMatter() {
        return Devices.each(device -> {
            CutCrossEntropy shifted = CutCrossEntropy.builder().shift(1).build();
            try (Problem p = new Problem(device);
                    Tensor targets = Tensor.copyOf(device, new long[] {Long.MAX_VALUE, 1, 9, 2, 7, 10}, Problem.ROWS);
                    Forward forward = shifted.forward(p.withTargets(targets))) {
                assertEquals(5, forward.validPositions());
                assertTrue(Float.isFinite(forward.item()));
            }
        });
    }

    @TestFactory
    Stream<DynamicNode> nothingToPredictIsALossOfZero() {
        return Devices.each(device -> {
            try (Problem p = new Problem(device);
                    Tensor ignored = Tensor.copyOf(device, new long[] {-100, -100, -100, -100, -100, -100},
                            Problem.ROWS);
                    Tensor noRows = Tensor.allocate(device, DType.F32, 0, Problem.HIDDEN);
                    Tensor noTargets = Tensor.allocate(device, DType.I64, 0)) {
                for (Reduction reduction : Reduction.values()) {
                    CutCrossEntropy loss = CutCrossEntropy.builder().reduction(reduction).build();
                    try (Forward all = loss.forward(p.embeddings, p.classifier, ignored);
                            Gradients gradients = all.backward();
                            Forward none = loss.forward(noRows, p.classifier, noTargets);
                            Gradients ofNone = none.backward()) {
                        assertEquals(0, all.validPositions());
                        assertEquals(0, none.validPositions());
                        assertArrayEquals(new float[reduction == Reduction.NONE ? Problem.ROWS : 1],
                                all.loss().toFloats());
                        assertArrayEquals(new float[reduction == Reduction.NONE ? 0 : 1], none.loss().toFloats());
                        assertArrayEquals(new float[Problem.ROWS * Problem.HIDDEN], gradients.embeddings().toFloats());
                        assertArrayEquals(new float[Problem.CLASSES * Problem.HIDDEN],
                                gradients.classifier().toFloats());
                        assertArrayEquals(new float[Problem.CLASSES * Problem.HIDDEN], ofNone.classifier().toFloats());
                    }
                }
            }
        });
    }
}
