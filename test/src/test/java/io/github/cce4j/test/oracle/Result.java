package io.github.cce4j.test.oracle;

import io.github.cce4j.FilterReport;
import io.github.cce4j.Gradient;
import java.util.Arrays;

/** What the product gave, copied to the heap; null where nothing was asked for. 16-bit gradients are widened. */
public record Result(
        float[] loss, float[] lse, float[] targetLogit, long[] argmax, float[] entropy, long valid, float[] embeddings,
        float[] classifier, float[] bias, FilterReport report) {

    public float[] gradient(Gradient gradient) {
        return switch (gradient) {
            case EMBEDDINGS -> embeddings;
            case CLASSIFIER -> classifier;
            case BIAS -> bias;
        };
    }

    /** Fails unless every bit is the same. */
    public void requireSameBits(Result other) {
        same("loss", loss, other.loss);
        same("lse", lse, other.lse);
        same("target logit", targetLogit, other.targetLogit);
        same("entropy", entropy, other.entropy);
        if (!Arrays.equals(argmax, other.argmax)) {
            throw new AssertionError("argmax differs between two runs");
        }
        for (Gradient gradient : Gradient.values()) {
            same("gradient of the " + gradient, gradient(gradient), other.gradient(gradient));
        }
    }

    private static void same(String name, float[] one, float[] other) {
        if (one == null && other == null) {
            return;
        }
        for (int i = 0; i < one.length; i++) {
            if (Float.floatToRawIntBits(one[i]) != Float.floatToRawIntBits(other[i])) {
                throw new AssertionError("%s[%d] of %d differs between two runs: %.9g and %.9g"
                        .formatted(name, i, one.length, one[i], other[i]));
            }
        }
    }
}
