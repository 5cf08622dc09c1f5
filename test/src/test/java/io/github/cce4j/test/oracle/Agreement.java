package io.github.cce4j.test.oracle;

import io.github.cce4j.DType;
import io.github.cce4j.FilterReport;
import io.github.cce4j.Gradient;
import io.github.cce4j.Output;
import io.github.cce4j.test.cases.Case;
import io.github.cce4j.test.cases.Case.Destination;
import io.github.cce4j.test.cases.Data;
import java.util.Arrays;

/** How close a result must be to an oracle's. */
public final class Agreement {

    /** Of the loss, lse and logits, which are computed in float32 whatever the dtype of the inputs. */
    private static final double LOSS = 1e-5;

    /** Of an array whose terms cancel: relative to this share of the sum of their sizes. */
    private static final double CANCELLATION = 0.1;

    /** Half the smallest float16: what storing a gradient in that dtype may lose of each entry. */
    private static final double FLOAT16_UNDERFLOW = 0x1p-25;

    private Agreement() {}

    public static void check(Case c, Data data, Expected either, Result actual) {
        Expected expected = either.judging(actual.report());
        equal("valid positions", expected.valid(), actual.valid());
        closeToScale("loss", expected.loss(), expected.lossScale(), actual.loss());
        closeToScale("lse", expected.lse(), atLeastOne(expected.lse()), actual.lse());
        closeToScale("target logit", expected.targetLogit(), atLeastOne(expected.lse()), actual.targetLogit());
        if (c.outputs().contains(Output.ENTROPY)) {
            closeToScale("entropy", expected.entropy(), atLeastOne(expected.lse()), actual.entropy());
        }
        if (c.outputs().contains(Output.ARGMAX)) {
            argmax(expected.logits(), actual.argmax());
        }
        for (Gradient gradient : c.gradients()) {
            gradient(gradient, c, data, expected.gradient(gradient), actual.gradient(gradient));
        }
        if (actual.report() != null) {
            report(c, expected.report(), expected.reportDoubt(), actual.report());
        }
    }

    public static double norm(double[] values) {
        double sum = 0;
        for (double value : values) {
            sum += value * value;
        }
        return Math.sqrt(sum);
    }

    /** The relative error, in norm, that a gradient may have for inputs of a dtype. */
    public static double gradientTolerance(DType dtype) {
        return switch (dtype) {
            case F16 -> 1.5e-3;
            case BF16 -> 6e-3;
            default -> 1e-5;
        };
    }

    public static void gradient(Gradient gradient, Case c, Data data, Expected.Array expected, float[] actual) {
        double[] values = expected.values().clone();
        float[] old = data.old(gradient);
        if (c.destination() == Destination.ACCUMULATE) {
            for (int i = 0; i < values.length; i++) {
                values[i] += old[i];
            }
        }
        double underflow = c.gradientDType(gradient) == DType.F16 ? FLOAT16_UNDERFLOW * Math.sqrt(values.length) : 0;
        double scale = Math.max(norm(values), CANCELLATION * expected.gross());
        double allowed = gradientTolerance(c.dtype()) * scale + expected.slack() + underflow;
        String name = "gradient of the " + gradient;
        closeInNorm(name, values, actual, allowed);
        for (int i = 0; i < values.length; i++) {
            if (expected.untouched()[i] && actual[i] != (float) values[i]) {
                throw new AssertionError(name + "[" + i + "] must be exactly " + values[i] + ", but is " + actual[i]);
            }
        }
    }

    public static void closeInNorm(String name, double[] expected, float[] actual, double allowed) {
        equal("length of the " + name, expected.length, actual.length);
        double[] error = new double[expected.length];
        int worst = 0;
        for (int i = 0; i < error.length; i++) {
            error[i] = actual[i] - expected[i];
            if (!(Math.abs(error[i]) <= Math.abs(error[worst]))) {
                worst = i;
            }
        }
        if (!(norm(error) <= allowed)) {
            throw new AssertionError(("%s: error %.3g, allowed %.3g, norm %.6g; worst entry [%d]: expected %.9g,"
                    + " but is %.9g").formatted(name, norm(error), allowed, norm(expected), worst, expected[worst],
                    actual[worst]));
        }
    }

    /** Entry by entry, relative to a scale of each; where the scale is zero, exactly. */
    public static void closeToScale(String name, double[] expected, double[] scale, float[] actual) {
        equal("length of the " + name, expected.length, actual.length);
        for (int i = 0; i < expected.length; i++) {
            double error = Math.abs(actual[i] - expected[i]);
            if (!(error <= LOSS * Math.max(scale[i], Math.abs(expected[i])))) {
                throw new AssertionError("%s[%d]: expected %.9g, but is %.9g (scale %.3g)"
                        .formatted(name, i, expected[i], actual[i], scale[i]));
            }
        }
    }

    /** Scales for values where an absolute error counts below one; zero where the value is, for ignored positions. */
    public static double[] atLeastOne(double[] values) {
        return Arrays.stream(values).map(value -> value == 0 ? 0 : Math.max(1, Math.abs(value))).toArray();
    }

    private static void argmax(double[][] logits, long[] actual) {
        equal("length of the argmax", logits.length, actual.length);
        for (int r = 0; r < logits.length; r++) {
            if (logits[r] == null) {
                equal("argmax of ignored position " + r, -1, actual[r]);
                continue;
            }
            double max = Arrays.stream(logits[r]).max().orElseThrow();
            boolean inRange = actual[r] >= 0 && actual[r] < logits[r].length;
            if (!inRange || logits[r][(int) actual[r]] < max - LOSS * Math.max(1, Math.abs(max))) {
                throw new AssertionError("argmax[%d] is %d, but the largest logit is %.9g"
                        .formatted(r, actual[r], max));
            }
        }
    }

    private static void report(Case c, FilterReport expected, double[] doubt, FilterReport actual) {
        if (c.wants(Gradient.EMBEDDINGS)) {
            mass("embeddings mean", expected.embeddingsMean(), doubt[0], actual.embeddingsMean());
            mass("embeddings worst", expected.embeddingsWorst(), doubt[1], actual.embeddingsWorst());
            equal("embeddings exact", expected.embeddingsExact() ? 1 : 0, actual.embeddingsExact() ? 1 : 0);
        }
        if (c.wants(Gradient.CLASSIFIER) || c.wants(Gradient.BIAS)) {
            mass("classifier mean", expected.classifierMean(), doubt[2], actual.classifierMean());
            mass("classifier worst", expected.classifierWorst(), doubt[3], actual.classifierWorst());
            equal("classifier exact", expected.classifierExact() ? 1 : 0, actual.classifierExact() ? 1 : 0);
        }
    }

    /** Entries at the threshold may fall on either side; a tiny mass may be what 1 minus the kept mass rounds to. */
    private static void mass(String name, double expected, double doubt, double actual) {
        if (!(Math.abs(expected - actual) <= 2e-3 * expected + 1e-6 + doubt)) {
            throw new AssertionError("dropped mass, %s: expected %.9g, but is %.9g".formatted(name, expected, actual));
        }
    }

    private static void equal(String name, long expected, long actual) {
        if (expected != actual) {
            throw new AssertionError(name + ": expected " + expected + ", but is " + actual);
        }
    }
}
