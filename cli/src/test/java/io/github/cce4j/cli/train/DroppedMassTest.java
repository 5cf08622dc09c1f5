package io.github.cce4j.cli.train;

import static org.junit.jupiter.api.Assertions.assertEquals;

import io.github.cce4j.FilterReport;
import org.junit.jupiter.api.Test;

class DroppedMassTest {
    @Test
    void meansAreOverAllStepsAndExactStepsAreCountedForEachGradient() {
        DroppedMass dropped = new DroppedMass();
        dropped.add(new FilterReport(0.25f, 0.5f, 0.125f, 0.5f, false, false));
        dropped.add(new FilterReport(0, 0, 0.125f, 0.5f, true, false));
        assertEquals(2, dropped.steps());
        assertEquals(0.125, dropped.embeddings());
        assertEquals(0.125, dropped.classifier());
        assertEquals(1, dropped.embeddingsExact());
        assertEquals(0, dropped.classifierExact());
    }
}
