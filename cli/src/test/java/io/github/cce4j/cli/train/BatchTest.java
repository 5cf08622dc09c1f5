package io.github.cce4j.cli.train;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;

import org.junit.jupiter.api.Test;

class BatchTest {
    private final int[] tokens = {10, 11, 12, 13, 14, 15, 16, 17};

    @Test
    void positionsAreSpreadEvenlyAndHaveAContext() {
        assertArrayEquals(new int[] {12, 14, 16}, Batch.spread(tokens, 2, 3).targets());
        assertArrayEquals(new int[] {15, 16, 17}, Batch.spread(tokens, 5, 100).targets());
    }

    @Test
    void partsMakeUpTheWhole() {
        Batch batch = Batch.spread(tokens, 1, 7);
        assertArrayEquals(new int[] {11, 12, 13}, batch.part(0, 3).targets());
        assertArrayEquals(new int[] {17}, batch.part(2, 3).targets());
        assertEquals(7, batch.size());
    }
}
