package io.github.cce4j.test.misuse;

import io.github.cce4j.Backward;
import io.github.cce4j.CutCrossEntropy;
import io.github.cce4j.DType;
import io.github.cce4j.Device;
import io.github.cce4j.Forward;
import io.github.cce4j.Gradient;
import io.github.cce4j.Status;
import io.github.cce4j.Tensor;
import io.github.cce4j.test.Devices;
import io.github.cce4j.test.Together;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.stream.Stream;
import org.junit.jupiter.api.Assertions;
import org.junit.jupiter.api.DynamicNode;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestFactory;

/** Tensors that cannot be: sizes beyond all memory, segments that do not fit, read-only and foreign memory. */
@Tag("contract")
class TensorMisuseTest {

    @TestFactory
    Stream<DynamicNode> sizes() {
        return Devices.each(device -> {
            Refusal.illegalArgument(() -> Tensor.allocate(device, DType.F32, -1), "-1");
            Refusal.illegalArgument(() -> Tensor.allocate(device, DType.F32, 3, Long.MIN_VALUE));
            Refusal.illegalArgument(() -> Tensor.allocate(device, DType.F32, Long.MAX_VALUE));
            Refusal.illegalArgument(() -> Tensor.allocate(device, DType.F32, 1L << 32, 1L << 32));
            Refusal.illegalArgument(() -> Tensor.zeros(device, DType.I64, 1L << 40, 1L << 40));
            Refusal.status(Status.OUT_OF_MEMORY, () -> Tensor.allocate(device, DType.F32, 1L << 50), "" + (1L << 52));
        });
    }

    @TestFactory
    Stream<DynamicNode> lengths() {
        return Devices.each(device -> {
            Refusal.illegalArgument(() -> Tensor.copyOf(device, new float[5], 2, 3), "6", "5");
            Refusal.illegalArgument(() -> Tensor.copyOf(device, new long[7], 2, 3), "6", "7");
            Refusal.illegalArgument(() -> Tensor.copyOf(device, new int[1], 0), "0", "1");
            Refusal.illegalArgument(() -> Tensor.copyOf(device, DType.BF16, new short[1], 2), "2", "1");
            Refusal.illegalArgument(() -> Tensor.copyOf(device, DType.F16, MemorySegment.ofArray(new byte[5]), 2),
                    "4", "5");
            Refusal.illegalArgument(() -> Tensor.copyOf(device, DType.I32, new float[2], 2), "I32");
            Refusal.illegalArgument(() -> Tensor.copyOf(device, DType.F32, new short[2], 2), "F32");
            try (Tensor tensor = Tensor.copyOf(device, new float[] {1, 2, 3}, 3);
                    Tensor integers = Tensor.copyOf(device, new int[] {1, 2, 3}, 3)) {
                Refusal.illegalArgument(() -> tensor.copyTo(new float[2]), "3", "2");
                Refusal.illegalArgument(() -> tensor.copyFrom(new float[4]), "3", "4");
                Refusal.illegalArgument(() -> tensor.copyTo(MemorySegment.ofArray(new float[4])), "12", "16");
                Refusal.illegalArgument(() -> tensor.copyFrom(MemorySegment.ofArray(new byte[11])), "12", "11");
                Refusal.illegalArgument(() -> tensor.copyFrom(integers), "F32", "I32");
                Refusal.illegalArgument(() -> tensor.as(2, 2), "[2, 2]");
                Refusal.illegalArgument(tensor::item, "[3]");
                Refusal.illegalArgument(tensor::toInts, "F32", "I32");
                Refusal.illegalArgument(tensor::toLongs, "F32", "I64");
                Refusal.illegalArgument(tensor::toShorts, "F32");
                Refusal.illegalArgument(integers::toFloats, "I32");
                Refusal.illegalArgument(() -> integers.copyTo(new float[3]), "I32");
                Assertions.assertThrows(IndexOutOfBoundsException.class, () -> tensor.dim(1));
            }
        });
    }

    @Test
    void segmentsThatCannotBeViewed() {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment segment = arena.allocate(16, 8);
            Refusal.illegalArgument(() -> Tensor.view(DType.F32, MemorySegment.ofArray(new float[4]), 4), "heap");
            Refusal.illegalArgument(() -> Tensor.view(DType.F32, segment, 5), "20", "16");
            Refusal.illegalArgument(() -> Tensor.view(DType.F32, segment.asSlice(1, 12), 3), "align");
            Refusal.illegalArgument(() -> Tensor.view(DType.F32, MemorySegment.NULL, 4));
        }
    }

    @TestFactory
    Stream<DynamicNode> pointersOfOtherMemory() {
        return Devices.eachCuda(device -> {
            try (Arena arena = Arena.ofConfined()) {
                MemorySegment host = arena.allocate(64, 64);
                Refusal.status(Status.INVALID_ARGUMENT, () -> Tensor.view(device, DType.F32, host, 16));
                Refusal.status(Status.INVALID_ARGUMENT, () -> Tensor.view(device, DType.F32, MemorySegment.NULL, 16));
                Refusal.status(Status.INVALID_ARGUMENT,
                        () -> Tensor.view(device, DType.F32, MemorySegment.ofAddress(64), 16));
            }
        });
    }

    @Test
    void readOnlyMemoryIsReadAndNeverWritten() {
        try (Problem p = new Problem(Device.cpu()); Arena arena = Arena.ofShared()) {
            MemorySegment copy = arena.allocate(p.classifier.byteSize(), 64);
            p.classifier.copyTo(copy);
            Tensor readOnly = Tensor.view(DType.F32, copy.asReadOnly(), Problem.CLASSES, Problem.HIDDEN);
            CutCrossEntropy loss = CutCrossEntropy.create();
            try (Forward expected = loss.forward(p.inputs());
                    Forward forward = loss.forward(p.withClassifier(readOnly))) {
                Assertions.assertEquals(expected.item(), forward.item());
                Refusal.illegalArgument(() -> forward.backward(Backward.all().into(Gradient.CLASSIFIER, readOnly)),
                        "read-only");
                Refusal.illegalArgument(
                        () -> forward.backward(Backward.all().accumulateInto(Gradient.CLASSIFIER, readOnly)),
                        "read-only");
            }
            Refusal.illegalArgument(readOnly::zero, "read-only");
            Refusal.illegalArgument(() -> readOnly.copyFrom(p.classifier), "read-only");
            Refusal.illegalArgument(() -> readOnly.copyFrom(new float[Problem.CLASSES * Problem.HIDDEN]), "read-only");
            Refusal.illegalArgument(() -> p.classifier.copyTo(copy.asReadOnly()), "read-only");
            Refusal.illegalArgument(() -> readOnly.as(Problem.CLASSES * Problem.HIDDEN).zero(), "read-only");
            Assertions.assertArrayEquals(p.classifier.toFloats(), readOnly.toFloats());
        }
    }

    @Test
    void confinedMemoryIsForItsThread() {
        try (Problem p = new Problem(Device.cpu()); Arena arena = Arena.ofConfined()) {
            MemorySegment copy = arena.allocate(p.classifier.byteSize(), 64);
            p.classifier.copyTo(copy);
            Tensor confined = Tensor.view(DType.F32, copy, Problem.CLASSES, Problem.HIDDEN);
            CutCrossEntropy.create().forward(p.withClassifier(confined)).close();
            Together.run(1, () -> {
                Assertions.assertThrows(WrongThreadException.class,
                        () -> CutCrossEntropy.create().forward(p.withClassifier(confined)));
                Assertions.assertThrows(WrongThreadException.class, confined::toFloats);
            });
        }
    }

    @Test
    void memoryOfAClosedArenaIsClosed() {
        try (Problem p = new Problem(Device.cpu())) {
            Tensor view;
            try (Arena arena = Arena.ofShared()) {
                view = Tensor.view(DType.F32, arena.allocate(p.classifier.byteSize(), 64), Problem.CLASSES,
                        Problem.HIDDEN);
            }
            Refusal.illegalState(() -> CutCrossEntropy.create().forward(p.withClassifier(view)), "closed");
            Refusal.illegalState(view::toFloats, "closed");
            Refusal.illegalState(view::zero, "closed");
            view.close();
        }
    }
}
