package io.github.cce4j.benchmark.filter;

import io.github.cce4j.Backward;
import io.github.cce4j.CutCrossEntropy;
import io.github.cce4j.FilterReport;
import io.github.cce4j.Forward;
import io.github.cce4j.Gradient;
import io.github.cce4j.GradientFilter;
import io.github.cce4j.Gradients;
import io.github.cce4j.Inputs;
import java.util.stream.IntStream;

/**
 * dE and dC of the mean loss, and what the filter dropped from them.
 *
 * @param embeddings dE (N, D)
 * @param classifier dC (V, D)
 * @param classes    V
 */
record GradientPair(float[] embeddings, float[] classifier, int classes, FilterReport dropped) {

    static GradientPair compute(Inputs inputs, GradientFilter filter) {
        Backward request = Backward.of(Gradient.EMBEDDINGS, Gradient.CLASSIFIER).filterReport(true);
        try (Forward forward = CutCrossEntropy.builder().filter(filter).build().forward(inputs);
                Gradients gradients = forward.backward(request)) {
            return new GradientPair(
                    gradients.embeddings().toFloats(),
                    gradients.classifier().toFloats(),
                    Math.toIntExact(inputs.classifier().shape()[0]),
                    gradients.filterReport());
        }
    }

    /** How far this is from the exact gradients. */
    FilterError error(GradientPair exact, int step, double threshold) {
        return new FilterError(
                step,
                threshold,
                relativeError(embeddings, exact.embeddings),
                relativeError(classifier, exact.classifier),
                lostRows(classifier, exact.classifier, classes),
                dropped);
    }

    /** ||values - exact|| / ||exact||. */
    static double relativeError(float[] values, float[] exact) {
        double difference = 0;
        double norm = 0;
        for (int i = 0; i < exact.length; i++) {
            double d = (double) values[i] - exact[i];
            difference += d * d;
            norm += (double) exact[i] * exact[i];
        }
        return Math.sqrt(difference / norm);
    }

    /** The share of rows that are zero but should not be. */
    static double lostRows(float[] values, float[] exact, int rows) {
        int columns = exact.length / rows;
        return (double) IntStream.range(0, rows)
                .filter(row -> isZero(values, row * columns, columns) && !isZero(exact, row * columns, columns))
                .count() / rows;
    }

    private static boolean isZero(float[] values, int first, int length) {
        return IntStream.range(first, first + length).allMatch(i -> values[i] == 0);
    }
}
