package io.github.cce4j.test.contract;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.github.cce4j.DType;
import io.github.cce4j.Device;
import io.github.cce4j.Tensor;
import io.github.cce4j.test.Devices;
import io.github.cce4j.test.Seeds;
import io.github.cce4j.test.cases.Floats;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.List;
import java.util.Random;
import java.util.stream.Stream;
import org.junit.jupiter.api.DynamicNode;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.TestFactory;

/** Tensors hold what was put into them, whichever way it went in or comes out. */
@Tag("contract")
class TensorTest {

    private static final List<DType> HALVES = List.of(DType.F16, DType.BF16);

    @TestFactory
    Stream<DynamicNode> every16BitPatternIsReadAsItsValue() {
        return Devices.each("dtype", HALVES, (device, dtype) -> {
            short[] bits = new short[1 << 16];
            for (int i = 0; i < bits.length; i++) {
                bits[i] = (short) i;
            }
            try (Tensor tensor = Tensor.copyOf(device, dtype, bits, bits.length)) {
                float[] values = tensor.toFloats();
                for (int i = 0; i < bits.length; i++) {
                    assertEquals(Floats.fromBits(dtype, bits[i]), values[i], "pattern " + i);
                }
                assertArrayEquals(bits, tensor.toShorts());
            }
        });
    }

    @TestFactory
    Stream<DynamicNode> floatsAreRoundedToNearestEven() {
        return Devices.each("dtype", HALVES, (device, dtype) -> {
            Random random = Seeds.random("rounding");
            float[] values = new float[200_000];
            for (int i = 0; i < values.length; i++) {
                float any = Float.intBitsToFloat(random.nextInt());
                float tie = Float.intBitsToFloat(random.nextInt() & 0xffff8000);
                values[i] = i % 3 == 0 ? any : i % 3 == 1 ? tie : (float) random.nextGaussian();
            }
            values[0] = Float.NaN;
            values[1] = Float.POSITIVE_INFINITY;
            values[2] = Float.NEGATIVE_INFINITY;
            values[3] = Float.MAX_VALUE;
            values[4] = Float.MIN_VALUE;
            values[5] = -0f;
            values[6] = 65519.996f;
            values[7] = 65520;
            try (Tensor tensor = Tensor.copyOf(device, dtype, values, values.length)) {
                short[] bits = tensor.toShorts();
                for (int i = 0; i < values.length; i++) {
                    float expected = Floats.round(dtype, values[i]);
                    float actual = Floats.fromBits(dtype, bits[i]);
                    assertEquals(expected, actual, "of " + values[i]);
                    assertEquals(Float.floatToIntBits(expected) < 0, Float.floatToIntBits(actual) < 0, "sign");
                }
            }
        });
    }

    @TestFactory
    Stream<DynamicNode> copiesAreExact() {
        return Devices.each(device -> {
            long[] longs = {Long.MIN_VALUE, -1, 5, Long.MAX_VALUE, 1L << 40, 7};
            int[] ints = {Integer.MIN_VALUE, -1, 5, Integer.MAX_VALUE, 3, 8};
            float[] floats = {Float.NaN, -0f, 1, Float.MIN_VALUE, Float.NEGATIVE_INFINITY, 0.1f};
            try (Tensor ofLongs = Tensor.copyOf(device, longs, 2, 3);
                    Tensor ofInts = Tensor.copyOf(device, ints, 3, 2);
                    Tensor ofFloats = Tensor.copyOf(device, floats, 6);
                    Tensor copy = Tensor.allocate(device, DType.F32, 2, 3);
                    Tensor onCpu = Tensor.allocate(Device.cpu(), DType.F32, 6);
                    Tensor scalar = Tensor.copyOf(device, new float[] {42});
                    Tensor empty = Tensor.allocate(device, DType.I64, 4, 0);
                    Arena arena = Arena.ofConfined()) {
                assertArrayEquals(longs, ofLongs.toLongs());
                assertArrayEquals(ints, ofInts.toInts());
                assertArrayEquals(floats, ofFloats.toFloats());
                copy.copyFrom(ofFloats);
                onCpu.copyFrom(copy);
                assertArrayEquals(floats, onCpu.toFloats());
                MemorySegment segment = arena.allocate(24, 4);
                copy.copyTo(segment);
                assertArrayEquals(floats, segment.toArray(ValueLayout.JAVA_FLOAT));
                copy.zero();
                assertArrayEquals(new float[6], copy.toFloats());
                assertEquals(42, scalar.item());
                assertEquals(0, scalar.rank());
                assertEquals(0, empty.toLongs().length);
                assertArrayEquals(new long[] {4, 0}, empty.shape());
                assertEquals(24, ofInts.byteSize());
                assertEquals(2, ofInts.dim(-1));
            }
        });
    }

    @TestFactory
    Stream<DynamicNode> viewsShareTheirMemory() {
        return Devices.each(device -> {
            try (Tensor tensor = Tensor.copyOf(device, new float[] {1, 2, 3, 4}, 4); Tensor square = tensor.as(2, 2)) {
                square.copyFrom(new float[] {5, 6, 7, 8});
                assertArrayEquals(new float[] {5, 6, 7, 8}, tensor.toFloats());
                square.close();
                assertTrue(tensor.isOpen());
            }
            try (Arena arena = Arena.ofConfined()) {
                MemorySegment host = arena.allocateFrom(ValueLayout.JAVA_FLOAT, 1, 2, 3);
                Tensor view = Tensor.view(DType.F32, host, 3);
                host.setAtIndex(ValueLayout.JAVA_FLOAT, 1, 9);
                assertArrayEquals(new float[] {1, 9, 3}, view.toFloats());
            }
        });
    }
}
