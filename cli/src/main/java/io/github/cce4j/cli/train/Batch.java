package io.github.cce4j.cli.train;

import java.util.Arrays;
import java.util.random.RandomGenerator;

/**
 * Positions of a token stream to predict.
 *
 * @param tokens    the stream
 * @param positions indexes into it, each with a whole context before it
 */
public record Batch(int[] tokens, int[] positions) {
    /** Random positions, drawn with repetition. */
    static Batch random(int[] tokens, int context, int size, RandomGenerator random) {
        int[] positions = new int[size];
        Arrays.setAll(positions, i -> random.nextInt(context, tokens.length));
        return new Batch(tokens, positions);
    }

    /** That many positions, spread evenly over the stream; all that there are, if they are fewer. */
    static Batch spread(int[] tokens, int context, int size) {
        int all = tokens.length - context;
        int[] positions = new int[Math.min(size, all)];
        Arrays.setAll(positions, i -> context + (int) ((long) all * i / positions.length));
        return new Batch(tokens, positions);
    }

    int size() {
        return positions.length;
    }

    /** The tokens to predict. */
    int[] targets() {
        int[] targets = new int[positions.length];
        Arrays.setAll(targets, i -> tokens[positions[i]]);
        return targets;
    }

    /** The {@code i}-th part of at most {@code size} positions. */
    Batch part(int i, int size) {
        return new Batch(tokens, Arrays.copyOfRange(positions, i * size, Math.min((i + 1) * size, positions.length)));
    }
}
