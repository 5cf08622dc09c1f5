package io.github.cce4j.internal.check;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import io.github.cce4j.DType;
import org.junit.jupiter.api.Test;

class ShapeTest {
    @Test
    void sizes() {
        assertEquals(1, Shape.elements(DType.F32));
        assertEquals(0, Shape.elements(DType.F32, 3, 0, 5));
        assertEquals(2L * 256_000 * 1_000_000, Shape.bytes(DType.BF16, 256_000, 1_000_000));
        assertEquals(Long.MAX_VALUE / 8, Shape.elements(DType.I64, Long.MAX_VALUE / 8));
    }

    @Test
    void impossibleSizes() {
        assertThrows(IllegalArgumentException.class, () -> Shape.bytes(DType.I64, Long.MAX_VALUE / 8 + 1));
        assertThrows(IllegalArgumentException.class, () -> Shape.bytes(DType.F32, 1L << 32, 1L << 32));
        assertThrows(IllegalArgumentException.class, () -> Shape.bytes(DType.F32, 0, -1));
        assertThrows(NullPointerException.class, () -> Shape.bytes(null, 1));
    }
}
