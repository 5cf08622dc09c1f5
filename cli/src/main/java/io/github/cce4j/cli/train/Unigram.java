package io.github.cce4j.cli.train;

import java.util.stream.DoubleStream;

/**
 * The model that knows only how frequent each token is: p(w) = (count(w) + a) / (tokens + a * classes). The smoothing a
 * is the one that predicts each training token best from all the others, so the baseline is as strong as it can be.
 */
final class Unigram {
    private static final double[] SMOOTHINGS = {1, 0.3, 0.1, 0.03, 0.01, 0.003, 0.001};

    private final int[] counts;
    private final long total;
    private final double smoothing;

    Unigram(int[] tokens, int classes) {
        counts = new int[classes];
        for (int token : tokens) {
            counts[token]++;
        }
        total = tokens.length;
        smoothing = DoubleStream.of(SMOOTHINGS).boxed()
                .max((a, b) -> Double.compare(leaveOneOutLikelihood(a), leaveOneOutLikelihood(b)))
                .orElseThrow();
    }

    private double leaveOneOutLikelihood(double a) {
        double sum = 0;
        for (int count : counts) {
            if (count > 0) {
                sum += count * Math.log((count - 1 + a) / (total - 1 + a * counts.length));
            }
        }
        return sum;
    }

    double smoothing() {
        return smoothing;
    }

    private double logProbability(int token) {
        return Math.log((counts[token] + smoothing) / (total + smoothing * counts.length));
    }

    float[] logProbabilities() {
        float[] result = new float[counts.length];
        for (int token = 0; token < result.length; token++) {
            result[token] = (float) logProbability(token);
        }
        return result;
    }

    /** The mean loss in nats over these tokens. */
    double loss(int[] tokens) {
        double sum = 0;
        for (int token : tokens) {
            sum -= logProbability(token);
        }
        return sum / tokens.length;
    }
}
