package io.github.cce4j.cli.train;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.stream.Stream;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

class OptimizerTest {
    static Stream<Optimizer> optimizers() {
        return Stream.of(new Adagrad(0.1f), new Adam(0.01f));
    }

    /** From the far side of a parabola's minimum at 3, at an offset, leaving the neighbours alone. */
    @ParameterizedTest
    @MethodSource("optimizers")
    void findsTheMinimumOfAParabola(Optimizer optimizer) {
        float[] values = {7, 4, 7};
        float[][] slots = optimizer.newSlots(values.length);
        for (int step = 1; step <= 2000; step++) {
            optimizer.update(step, values, slots, 1, new float[] {0, 0, 2 * (values[1] - 3)}, 2, 1);
        }
        assertEquals(3, values[1], 1e-3);
        assertTrue(values[0] == 7 && values[2] == 7);
    }

    @ParameterizedTest
    @MethodSource("optimizers")
    void theFirstStepIsTheLearningRate(Optimizer optimizer) {
        float[] values = {0, 0};
        optimizer.update(1, values, optimizer.newSlots(2), 0, new float[] {5, -5}, 0, 2);
        float rate = optimizer instanceof Adagrad adagrad ? adagrad.learningRate() : ((Adam) optimizer).learningRate();
        assertEquals(-rate, values[0], 1e-5);
        assertEquals(rate, values[1], 1e-5);
    }
}
