package io.github.cce4j.test.oracle;

import io.github.cce4j.test.cases.Data;
import io.github.cce4j.test.cases.Shape;

/** The sums dE += dz C, dC += dz E, db += dz, each with what {@link Expected.Array} says of it. */
final class GradientSums {

    private final int hidden;
    private final Sum embeddings;
    private final Sum classifier;
    private final Sum bias;

    GradientSums(Shape shape) {
        hidden = shape.hidden();
        embeddings = new Sum(shape.tokens() * hidden);
        classifier = new Sum(shape.classes() * hidden);
        bias = new Sum(shape.classes());
    }

    /** Adds the entry dz of (token, class), whose terms have the size {@code gross}; {@code slack} may be missing. */
    void add(int token, int j, Data data, double dz, double gross, double slack) {
        for (int d = 0; d < hidden; d++) {
            int e = token * hidden + d;
            int c = j * hidden + d;
            embeddings.add(e, data.classifier()[c], dz, gross, slack);
            classifier.add(c, data.embeddings()[e], dz, gross, slack);
        }
        bias.add(j, 1, dz, gross, slack);
    }

    Expected.Array embeddings() {
        return embeddings.toArray();
    }

    Expected.Array classifier() {
        return classifier.toArray();
    }

    Expected.Array bias() {
        return bias.toArray();
    }

    private static final class Sum {
        private final double[] values;
        private final double[] gross;
        private final double[] slack;

        Sum(int length) {
            values = new double[length];
            gross = new double[length];
            slack = new double[length];
        }

        void add(int at, double factor, double dz, double grossDz, double slackDz) {
            values[at] += dz * factor;
            gross[at] += grossDz * Math.abs(factor);
            slack[at] += slackDz * Math.abs(factor);
        }

        Expected.Array toArray() {
            boolean[] untouched = new boolean[values.length];
            for (int i = 0; i < untouched.length; i++) {
                untouched[i] = gross[i] == 0 && slack[i] == 0;
            }
            return new Expected.Array(values, Agreement.norm(gross), Agreement.norm(slack), untouched);
        }
    }
}
