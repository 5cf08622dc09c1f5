package io.github.cce4j.cli.train;

import java.util.Arrays;

/** An elementwise update rule; it keeps some numbers per parameter, in arrays laid out as the parameters. */
interface Optimizer {
    /** How many numbers it keeps per parameter. */
    int slots();

    /** What they are at the start. */
    float initial();

    /**
     * Updates {@code length} parameters.
     *
     * @param step     counts from 1
     * @param slots    {@link #slots} arrays, indexed as {@code values}
     * @param offset   of the first one in {@code values} and {@code slots}
     * @param gradientOffset the same in {@code gradient}
     */
    void update(int step, float[] values, float[][] slots, int offset, float[] gradient, int gradientOffset,
                int length);

    /** New slots for that many parameters. */
    default float[][] newSlots(int length) {
        float[][] arrays = new float[slots()][length];
        for (float[] array : arrays) {
            Arrays.fill(array, initial());
        }
        return arrays;
    }
}
