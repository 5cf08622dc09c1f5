package io.github.cce4j.cli.safetensors;

import java.util.Arrays;

/**
 * What a safetensors header says about one tensor.
 *
 * @param begin where its data begins, in bytes from the end of the header
 */
public record TensorInfo(String name, ElementType type, long[] shape, long begin) {
    /** A tensor that a {@link SafetensorsWriter} will place. */
    public static TensorInfo of(String name, ElementType type, long... shape) {
        return new TensorInfo(name, type, shape, 0);
    }

    TensorInfo at(long position) {
        return new TensorInfo(name, type, shape, position);
    }

    /**
     * Bytes of its data.
     *
     * @throws ArithmeticException if they do not fit in 63 bits
     */
    public long byteSize() {
        long bytes = type.bytes();
        for (long dimension : shape) {
            bytes = Math.multiplyExact(bytes, dimension);
        }
        return bytes;
    }

    /** Where its data ends, in bytes from the end of the header. */
    public long end() {
        return Math.addExact(begin, byteSize());
    }

    @Override
    public String toString() {
        return name + " " + type + Arrays.toString(shape);
    }
}
