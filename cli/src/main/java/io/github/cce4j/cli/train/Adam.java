package io.github.cce4j.cli.train;

/** Adam (Kingma and Ba, 2015). Rows of a table are updated only in steps that touch them. */
record Adam(float learningRate) implements Optimizer {
    private static final float BETA1 = 0.9f;
    private static final float BETA2 = 0.999f;
    private static final float EPSILON = 1e-8f;

    @Override
    public int slots() {
        return 2;
    }

    @Override
    public float initial() {
        return 0;
    }

    @Override
    public void update(int step, float[] values, float[][] slots, int offset, float[] gradient, int gradientOffset,
                       int length) {
        float rate = (float) (learningRate * Math.sqrt(1 - Math.pow(BETA2, step)) / (1 - Math.pow(BETA1, step)));
        float[] means = slots[0];
        float[] squares = slots[1];
        for (int i = 0; i < length; i++) {
            float g = gradient[gradientOffset + i];
            float mean = BETA1 * means[offset + i] + (1 - BETA1) * g;
            float square = BETA2 * squares[offset + i] + (1 - BETA2) * g * g;
            means[offset + i] = mean;
            squares[offset + i] = square;
            values[offset + i] -= rate * mean / ((float) Math.sqrt(square) + EPSILON);
        }
    }
}
