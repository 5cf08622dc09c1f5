package io.github.cce4j;

import io.github.cce4j.internal.check.Check;
import io.github.cce4j.internal.downcall.Codes;
import java.util.Objects;

/**
 * Which entries of the softmax backward may leave out. An entry below a threshold counts as 0 in the gradient, unless
 * that would save nothing, and this saves most of the work, since of very many classes few have a softmax above it.
 * What the target and label smoothing contribute is never left out, and neither loss nor log-sum-exp are touched.
 *
 * <p>A class that is below the threshold at every position, and nowhere the target, gets no gradient at all. At the
 * start of training that may be nearly all classes, which matters most where every parameter has a step size of its
 * own, as with Adam: let {@link #maxDroppedMass} guard a filter then. The page docs/filtering.md of the project shows,
 * with measurements, when filtering is safe and when it is not.
 *
 * <p>On a GPU the work follows the number of entries that are kept. Where a softmax is so flat that hundreds of them
 * are, at every position, it follows the number of classes that have any; if these are many too, nothing is left out
 * and gradients are exact. Only where they are added to a large classifier's gradient without a limit are they filtered
 * still, which takes longer by far.
 *
 * {@snippet class="io.github.cce4j.snippets.LossSnippets" region="filter"}
 *
 * <p>Filters are immutable values.
 */
public final class GradientFilter {
    private static final GradientFilter NONE = new GradientFilter(Codes.FILTER_NONE, Codes.FILTER_NONE, 0);
    private static final GradientFilter AUTO = new GradientFilter(Codes.FILTER_AUTO, Codes.FILTER_AUTO, 0);

    private final double embeddings;
    private final double classifier;
    private final double maxDroppedMass;

    private GradientFilter(double embeddings, double classifier, double maxDroppedMass) {
        this.embeddings = embeddings;
        this.classifier = classifier;
        this.maxDroppedMass = maxDroppedMass;
    }

    /**
     * No filter: exact gradients.
     *
     * @return the filter that a {@link CutCrossEntropy} has unless told otherwise, which leaves nothing out
     */
    public static GradientFilter none() {
        return NONE;
    }

    /**
     * A threshold by the dtype of the embeddings: 2<sup>-16</sup> for {@link DType#BF16} and {@link DType#F16},
     * 2<sup>-28</sup> for {@link DType#F32}. With the 2<sup>-12</sup> of other implementations, which keep whole tiles
     * of the softmax with every entry above it, filtering entries alone would drop too much. It does not depend on the
     * data: {@link FilterReport} tells whether it drops little.
     *
     * @return the filter with this threshold
     */
    public static GradientFilter auto() {
        return AUTO;
    }

    /**
     * One threshold for all gradients.
     *
     * @param epsilon entries below count as 0; in [0, 1), and 0 is exact
     * @return a filter
     * @throws IllegalArgumentException if the threshold is out of range
     */
    public static GradientFilter of(double epsilon) {
        return of(epsilon, epsilon);
    }

    /**
     * A threshold each.
     *
     * @param embeddings for the gradient of the embeddings; in [0, 1), and 0 is exact
     * @param classifier for the gradients of classifier and bias; in [0, 1), and 0 is exact
     * @return a filter
     * @throws IllegalArgumentException if a threshold is out of range
     */
    public static GradientFilter of(double embeddings, double classifier) {
        Check.that(embeddings >= 0 && embeddings < 1, "the threshold for embeddings", "in [0, 1)", embeddings);
        Check.that(classifier >= 0 && classifier < 1, "the threshold for classifier", "in [0, 1)", classifier);
        return new GradientFilter(embeddings, classifier, 0);
    }

    /**
     * The same with a limit: where the softmax mass that is left out, mean over the positions, exceeds it, backward is
     * exact by itself. The gradient of the embeddings, and those of classifier and bias, are judged each by their own
     * mass, but where filtering one alone saves nothing both are exact; {@link FilterReport} tells. A limit takes as
     * much work as the report, see {@link Backward#filterReport}.
     *
     * @param limit greater than 0, and above 1e-6, since a mass is not known better; 0 for no limit
     * @return a new filter
     * @throws IllegalArgumentException if the limit is negative or NaN
     */
    public GradientFilter maxDroppedMass(double limit) {
        Check.that(limit >= 0, "maxDroppedMass", "at least 0", limit);
        return new GradientFilter(embeddings, classifier, limit);
    }

    double embeddings() {
        return embeddings;
    }

    double classifier() {
        return classifier;
    }

    double maxDroppedMass() {
        return maxDroppedMass;
    }

    @Override
    public boolean equals(Object other) {
        return other instanceof GradientFilter filter
                && filter.embeddings == embeddings
                && filter.classifier == classifier
                && filter.maxDroppedMass == maxDroppedMass;
    }

    @Override
    public int hashCode() {
        return Objects.hash(embeddings, classifier, maxDroppedMass);
    }

    @Override
    public String toString() {
        return "GradientFilter[embeddings=" + threshold(embeddings) + ", classifier=" + threshold(classifier)
                + ", maxDroppedMass=" + (maxDroppedMass == 0 ? "none" : maxDroppedMass) + "]";
    }

    private static String threshold(double epsilon) {
        return epsilon == Codes.FILTER_AUTO ? "auto" : epsilon == 0 ? "none" : Double.toString(epsilon);
    }
}
