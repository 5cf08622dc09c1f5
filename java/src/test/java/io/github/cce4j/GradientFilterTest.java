package io.github.cce4j;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;

import org.junit.jupiter.api.Test;

class GradientFilterTest {
    @Test
    void aThresholdIsForAllGradients() {
        GradientFilter filter = GradientFilter.of(0.25);
        assertEquals(0.25, filter.embeddings());
        assertEquals(0.25, filter.classifier());
        assertEquals(0, filter.maxDroppedMass());
        assertEquals(GradientFilter.of(0.25, 0.25), filter);
        assertEquals(GradientFilter.none(), GradientFilter.of(0));
    }

    @Test
    void aLimitLeavesTheRestAsItIs() {
        GradientFilter filter = GradientFilter.of(0.25, 0.5);
        GradientFilter limited = filter.maxDroppedMass(0.125);
        assertEquals(0.25, limited.embeddings());
        assertEquals(0.5, limited.classifier());
        assertEquals(0.125, limited.maxDroppedMass());
        assertNotEquals(filter, limited);
        assertEquals(filter, limited.maxDroppedMass(0));
        assertEquals(filter.hashCode(), limited.maxDroppedMass(0).hashCode());
    }

    @Test
    void textTellsWhatItIs() {
        assertEquals(
                "GradientFilter[embeddings=auto, classifier=auto, maxDroppedMass=0.1]",
                GradientFilter.auto().maxDroppedMass(0.1).toString());
        assertEquals(
                "GradientFilter[embeddings=none, classifier=0.5, maxDroppedMass=none]",
                GradientFilter.of(0, 0.5).toString());
    }
}
