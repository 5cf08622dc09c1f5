package io.github.cce4j.benchmark.filter;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.Test;

class LossTableTest {

    @Test
    void meanAndDeviationAreOverTheSeeds() {
        List<TrainingEnd> ends = List.of(
                new TrainingEnd(1, Optional.empty()),
                new TrainingEnd(2, Optional.empty()),
                new TrainingEnd(3, Optional.empty()));
        List<String> lines = new LossTable(7, Map.of("none", ends)).markdown().lines().toList();
        assertEquals(
                "| filter | seed 7 | seed 8 | seed 9 | mean | standard deviation | dropped from dE, dC "
                        + "| steps with exact dE, dC |",
                lines.get(0));
        assertEquals("| none | 1.0000 | 2.0000 | 3.0000 | 2.0000 | 1.0000 | 0, 0 | all |", lines.get(2));
    }

    @Test
    void oneSeedHasNoDeviation() {
        String table = new LossTable(1, Map.of("none", List.of(new TrainingEnd(2, Optional.empty())))).markdown();
        assertTrue(table.endsWith("| none | 2.0000 | 2.0000 | - | 0, 0 | all |\n"), table);
    }
}
