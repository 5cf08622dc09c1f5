package io.github.cce4j.internal.check;

import io.github.cce4j.DType;
import java.util.Arrays;
import java.util.Objects;

/** The dimensions of a dense row-major array. */
public final class Shape {
    private Shape() {}

    /** The number of elements, 1 for no dimensions, if {@link #bytes} has nothing against the shape. */
    public static long elements(DType dtype, long... shape) {
        return bytes(dtype, shape) / dtype.bytes();
    }

    /**
     * The size of all elements.
     *
     * @throws IllegalArgumentException if a dimension is negative, or the size does not fit into a long
     */
    public static long bytes(DType dtype, long... shape) {
        Objects.requireNonNull(dtype, "dtype");
        Objects.requireNonNull(shape, "shape");
        for (long dimension : shape) {
            if (dimension < 0) {
                throw new IllegalArgumentException(
                        "dimensions must be at least 0, but shape is " + Arrays.toString(shape));
            }
        }
        if (Arrays.stream(shape).anyMatch(dimension -> dimension == 0)) {
            return 0; // whatever the others are
        }
        try {
            return Arrays.stream(shape).reduce(dtype.bytes(), Math::multiplyExact);
        } catch (ArithmeticException e) {
            throw new IllegalArgumentException(
                    "a tensor must be smaller than 2^63 bytes, but is " + dtype + Arrays.toString(shape), e);
        }
    }
}
