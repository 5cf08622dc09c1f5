package io.github.cce4j.cli.train;

/** Adagrad (Duchi et al., 2011): each parameter's step shrinks with the root of the sum of its squared gradients. */
record Adagrad(float learningRate) implements Optimizer {
    /**
     * The sum of squares at the start. Without it the first step would move every parameter by the learning rate, also
     * those of the many classes that a batch hardly touches.
     */
    private static final float INITIAL = 1e-6f;

    @Override
    public int slots() {
        return 1;
    }

    @Override
    public float initial() {
        return INITIAL;
    }

    @Override
    public void update(int step, float[] values, float[][] slots, int offset, float[] gradient, int gradientOffset,
                       int length) {
        float[] squares = slots[0];
        for (int i = 0; i < length; i++) {
            float g = gradient[gradientOffset + i];
            float sum = squares[offset + i] + g * g;
            squares[offset + i] = sum;
            values[offset + i] -= learningRate * g / (float) Math.sqrt(sum);
        }
    }
}
