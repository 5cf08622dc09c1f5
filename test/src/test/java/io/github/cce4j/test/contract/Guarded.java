package io.github.cce4j.test.contract;

import io.github.cce4j.DType;
import io.github.cce4j.Device;
import io.github.cce4j.Tensor;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;

/**
 * Device memory of so many bytes, poisoned, with poison behind it that must still be there in the end. The poison is a
 * NaN in every floating-point dtype.
 */
final class Guarded implements AutoCloseable {

    private static final int GUARD = 256;
    private static final byte[] POISON = {(byte) 0xe1, 0x7f};

    private final String name;
    private final int bytes;
    private final Tensor memory;

    Guarded(Device device, String name, long bytes) {
        this.name = name;
        this.bytes = Math.toIntExact(bytes);
        memory = Tensor.allocate(device, DType.F16, (bytes + GUARD + 1) / 2);
        poison();
    }

    void poison() {
        byte[] content = new byte[(int) memory.byteSize()];
        for (int i = 0; i < content.length; i++) {
            content[i] = POISON[i % 2];
        }
        memory.copyFrom(MemorySegment.ofArray(content));
    }

    void write(MemorySegment values) {
        byte[] content = read();
        MemorySegment.copy(values, 0, MemorySegment.ofArray(content), 0, values.byteSize());
        memory.copyFrom(MemorySegment.ofArray(content));
    }

    MemorySegment address() {
        return MemorySegment.ofAddress(memory.address().address());
    }

    long size() {
        return bytes;
    }

    /** The bytes, in the order of this machine, after a look at the guard. */
    ByteBuffer content() {
        return ByteBuffer.wrap(read(), 0, bytes).order(ByteOrder.nativeOrder());
    }

    float[] floats() {
        float[] values = new float[bytes / 4];
        content().asFloatBuffer().get(values);
        return values;
    }

    long[] longs() {
        long[] values = new long[bytes / 8];
        content().asLongBuffer().get(values);
        return values;
    }

    short[] shorts() {
        short[] values = new short[bytes / 2];
        content().asShortBuffer().get(values);
        return values;
    }

    private byte[] read() {
        byte[] content = new byte[(int) memory.byteSize()];
        memory.copyTo(MemorySegment.ofArray(content));
        for (int i = bytes; i < content.length; i++) {
            if (content[i] != POISON[i % 2]) {
                throw new AssertionError(name + " has " + bytes + " bytes, but byte " + i + " was written");
            }
        }
        return content;
    }

    @Override
    public void close() {
        memory.close();
    }
}
