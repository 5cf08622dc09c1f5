package io.github.cce4j;

/**
 * The type of a {@link Tensor}'s elements.
 *
 * {@snippet class="io.github.cce4j.snippets.TensorSnippets" region="dtype"}
 */
public enum DType {
    /** IEEE 754 binary32, Java's {@code float}. */
    F32(4, true),
    /** IEEE 754 binary16; in Java the bits of a {@code short}, see {@link Float#float16ToFloat(short)}. */
    F16(2, true),
    /** bfloat16, the upper half of a binary32; in Java the bits of a {@code short}. */
    BF16(2, true),
    /** Signed 32-bit integers, Java's {@code int}. */
    I32(4, false),
    /** Signed 64-bit integers, Java's {@code long}. */
    I64(8, false);

    private final long bytes;
    private final boolean isFloat;

    DType(long bytes, boolean isFloat) {
        this.bytes = bytes;
        this.isFloat = isFloat;
    }

    /**
     * The size of one element.
     *
     * @return bytes of one element
     */
    public long bytes() {
        return bytes;
    }

    /**
     * Whether this is one of the floating-point types {@link #F32}, {@link #F16} and {@link #BF16}.
     *
     * @return true for a floating-point type
     */
    public boolean isFloat() {
        return isFloat;
    }
}
