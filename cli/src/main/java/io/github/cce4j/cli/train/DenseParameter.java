package io.github.cce4j.cli.train;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

import io.github.cce4j.DType;
import io.github.cce4j.Device;
import io.github.cce4j.Tensor;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.stream.IntStream;

/**
 * A parameter of the head with its gradient. The optimiser works on the host's memory, which on the CPU is the tensors'
 * own and on a GPU a copy.
 */
final class DenseParameter implements AutoCloseable {
    private static final long ALIGNMENT = 64;
    /** Parameters that are updated together: small enough for the first-level cache. */
    private static final int BLOCK = 2048;
    /** Each a range of blocks, so that the arrays to work in are made only that many times. */
    private static final int TASKS = 16;

    private final Arena arena = Arena.ofShared();
    private final Optimizer optimizer;
    private final MemorySegment hostValues;
    private final MemorySegment hostGradient;
    private final MemorySegment[] slots;
    private final Tensor values;
    private final Tensor gradient;

    /** Zeros of this shape. */
    DenseParameter(Device device, Optimizer optimizer, long... shape) {
        this.optimizer = optimizer;
        long elements = 1;
        for (long dimension : shape) {
            elements = Math.multiplyExact(elements, dimension);
        }
        hostValues = allocate(elements);
        hostGradient = allocate(elements);
        slots = new MemorySegment[optimizer.slots()];
        for (int i = 0; i < slots.length; i++) {
            slots[i] = allocate(elements);
            for (long j = 0; j < elements && optimizer.initial() != 0; j++) {
                slots[i].setAtIndex(JAVA_FLOAT, j, optimizer.initial());
            }
        }
        values = onDevice(device, hostValues, shape);
        gradient = onDevice(device, hostGradient, shape);
    }

    private static Tensor onDevice(Device device, MemorySegment host, long[] shape) {
        return device.isCuda() ? Tensor.zeros(device, DType.F32, shape) : Tensor.view(DType.F32, host, shape);
    }

    private MemorySegment allocate(long elements) {
        return arena.allocate(elements * Float.BYTES, ALIGNMENT);
    }

    /** The parameter, on the device. */
    Tensor values() {
        return values;
    }

    /** Where its gradient belongs, on the device. */
    Tensor gradient() {
        return gradient;
    }

    /** The parameter in the host's memory. */
    MemorySegment hostValues() {
        return hostValues;
    }

    void set(float[] newValues) {
        MemorySegment.copy(newValues, 0, hostValues, JAVA_FLOAT, 0, newValues.length);
        toDevice();
    }

    /** Learns from what {@link #gradient} holds. Elementwise, so that the number of threads changes nothing. */
    void update(int step) {
        if (values.device().isCuda()) {
            gradient.copyTo(hostGradient);
        }
        long blocks = Math.ceilDiv(hostValues.byteSize() / Float.BYTES, (long) BLOCK);
        IntStream.range(0, TASKS).parallel().forEach(task ->
                update(step, blocks * task / TASKS * BLOCK, blocks * (task + 1) / TASKS * BLOCK));
        toDevice();
    }

    private void update(int step, long begin, long end) {
        float[] blockValues = new float[BLOCK];
        float[] blockGradient = new float[BLOCK];
        float[][] blockSlots = new float[slots.length][BLOCK];
        long elements = hostValues.byteSize() / Float.BYTES;
        for (long first = begin; first < Math.min(end, elements); first += BLOCK) {
            int length = (int) Math.min(BLOCK, elements - first);
            long offset = first * Float.BYTES;
            MemorySegment.copy(hostValues, JAVA_FLOAT, offset, blockValues, 0, length);
            MemorySegment.copy(hostGradient, JAVA_FLOAT, offset, blockGradient, 0, length);
            for (int i = 0; i < slots.length; i++) {
                MemorySegment.copy(slots[i], JAVA_FLOAT, offset, blockSlots[i], 0, length);
            }
            optimizer.update(step, blockValues, blockSlots, 0, blockGradient, 0, length);
            MemorySegment.copy(blockValues, 0, hostValues, JAVA_FLOAT, offset, length);
            for (int i = 0; i < slots.length; i++) {
                MemorySegment.copy(blockSlots[i], 0, slots[i], JAVA_FLOAT, offset, length);
            }
        }
    }

    private void toDevice() {
        if (values.device().isCuda()) {
            values.copyFrom(hostValues);
        }
    }

    @Override
    public void close() {
        values.close();
        gradient.close();
        arena.close();
    }
}
