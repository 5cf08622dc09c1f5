package io.github.cce4j.cli.train;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.util.Random;
import org.junit.jupiter.api.Test;

class LogBilinearTest {
    private static final int CLASSES = 20;
    private static final int CONTEXT = 3;
    private static final int DIM = 5;
    private static final int BATCH = 16;
    private static final float RATE = 1e-3f;

    /** Plain gradient descent, which sums up the gradient's square and its product with the parameters. */
    private static final class Descent implements Optimizer {
        private double squares;
        private double product;

        @Override
        public int slots() {
            return 0;
        }

        @Override
        public float initial() {
            return 0;
        }

        @Override
        public void update(int step, float[] values, float[][] slots, int offset, float[] gradient, int gradientOffset,
                           int length) {
            for (int i = 0; i < length; i++) {
                float g = gradient[gradientOffset + i];
                squares += (double) g * g;
                product += (double) values[offset + i] * g;
                values[offset + i] -= RATE * g;
            }
        }
    }

    /**
     * A small step against the gradient lowers f = sum(g * h) by the rate times the gradient's square. And since f is
     * linear in the embeddings and linear in the weights, each times its gradient gives f: neither lacks a part.
     */
    @Test
    void aStepDescendsAsTheGradientSays() {
        long seed = System.nanoTime();
        Random random = new Random(seed);
        int[] tokens = random.ints(60, 0, CLASSES).toArray();
        Batch batch = Batch.random(tokens, CONTEXT, BATCH, random);
        float[] g = new float[BATCH * DIM];
        for (int i = 0; i < g.length; i++) {
            g[i] = (float) random.nextGaussian();
        }
        Descent descent = new Descent();
        LogBilinear body = new LogBilinear(CLASSES, CONTEXT, DIM, descent, random);
        double before = dot(g, body.forward(batch));
        body.backward(batch, g, 1);
        double descended = before - dot(g, body.forward(batch));
        assertEquals(1, descended / (RATE * descent.squares), 0.02, "seed " + seed);
        assertEquals(2 * before, descent.product, 1e-4, "seed " + seed);
    }

    private static double dot(float[] a, float[] b) {
        double sum = 0;
        for (int i = 0; i < a.length; i++) {
            sum += (double) a[i] * b[i];
        }
        return sum;
    }
}
