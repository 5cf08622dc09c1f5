package io.github.cce4j.internal.check;

import io.github.cce4j.DType;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import java.util.Objects;
import java.util.stream.Collectors;

/** Conditions on arguments. Messages have what was expected and what there is. */
public final class Check {
    private Check() {}

    public static void dtype(String what, DType dtype, DType... allowed) {
        Objects.requireNonNull(dtype, "dtype");
        if (!Arrays.asList(allowed).contains(dtype)) {
            String expected = Arrays.stream(allowed).distinct().map(DType::name).collect(Collectors.joining(" or "));
            throw new IllegalArgumentException(what + " must have dtype " + expected + ", but has " + dtype);
        }
    }

    /** An array for the elements of a tensor. */
    public static void length(String name, int length, DType dtype, long[] shape) {
        long expected = Shape.elements(dtype, shape);
        if (length != expected) {
            throw new IllegalArgumentException(
                    name + " must have " + expected + " elements for shape " + Arrays.toString(shape) + ", but has "
                            + length);
        }
    }

    /** A segment for the bytes of a tensor. */
    public static void size(String name, MemorySegment segment, DType dtype, long[] shape) {
        long expected = Shape.bytes(dtype, shape);
        if (segment.byteSize() != expected) {
            throw new IllegalArgumentException(
                    name + " must have " + expected + " bytes for " + dtype + Arrays.toString(shape) + ", but has "
                            + segment.byteSize());
        }
    }

    public static void alignment(String name, MemorySegment segment, DType dtype) {
        if (segment.address() % dtype.bytes() != 0) {
            throw new IllegalArgumentException(
                    name + " must be aligned to " + dtype.bytes() + " bytes for " + dtype + ", but is at 0x"
                            + Long.toHexString(segment.address()));
        }
    }

    public static void shape(String name, long[] shape, long... expected) {
        if (!Arrays.equals(shape, expected)) {
            throw new IllegalArgumentException(
                    name + " must have shape " + Arrays.toString(expected) + ", but has " + Arrays.toString(shape));
        }
    }

    /** Also false for NaN. */
    public static void that(boolean condition, String name, String expected, Object actual) {
        if (!condition) {
            throw new IllegalArgumentException(name + " must be " + expected + ", but is " + actual);
        }
    }
}
