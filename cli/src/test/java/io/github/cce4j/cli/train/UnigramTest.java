package io.github.cce4j.cli.train;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.Random;
import org.junit.jupiter.api.Test;

class UnigramTest {
    private static final int CLASSES = 1000;

    @Test
    void isADistributionAndScoresAsOne() {
        long seed = System.nanoTime();
        int[] tokens = new Random(seed).ints(5000, 0, CLASSES).map(token -> token * token / CLASSES).toArray();
        Unigram unigram = new Unigram(tokens, CLASSES);
        double sum = 0;
        for (float logProbability : unigram.logProbabilities()) {
            sum += Math.exp(logProbability);
        }
        assertEquals(1, sum, 1e-4, "seed " + seed);
        assertEquals(-unigram.logProbabilities()[tokens[0]], unigram.loss(new int[] {tokens[0]}), 1e-5, "seed " + seed);
    }

    @Test
    void smoothsMoreWhereMoreIsNew() {
        int[] repeated = new Random(1).ints(5000, 0, 50).toArray();
        int[] mostlyNew = new Random(1).ints(500, 0, CLASSES).toArray();
        assertTrue(new Unigram(repeated, CLASSES).smoothing() < new Unigram(mostlyNew, CLASSES).smoothing());
    }
}
