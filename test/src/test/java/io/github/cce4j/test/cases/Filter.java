package io.github.cce4j.test.cases;

import io.github.cce4j.DType;
import io.github.cce4j.GradientFilter;

/** A gradient filter as a case has it: thresholds (or AUTO), and a limit of the dropped mass (0 for none). */
public record Filter(double embeddings, double classifier, double limit) {

    public static final double AUTO = -1;

    public static final Filter NONE = new Filter(0, 0, 0);

    /** The number that a threshold stands for. */
    public static double eps(double threshold, DType dtype) {
        if (threshold != AUTO) {
            return threshold;
        }
        return switch (dtype) {
            case BF16, F16 -> 0x1p-16;
            default -> 0x1p-28;
        };
    }

    public GradientFilter toGradientFilter() {
        GradientFilter filter = embeddings == AUTO ? GradientFilter.auto()
                : embeddings == 0 && classifier == 0 ? GradientFilter.none()
                : embeddings == classifier ? GradientFilter.of(embeddings)
                : GradientFilter.of(embeddings, classifier);
        return limit == 0 ? filter : filter.maxDroppedMass(limit);
    }
}
