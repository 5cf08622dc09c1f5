package io.github.cce4j.cli;

import io.github.cce4j.GradientFilter;
import picocli.CommandLine.Option;

/** The options that say what backward may leave out; they mean what they mean in the library. */
public final class FilterOptions {
    @Option(names = "--filter", paramLabel = "none|auto|EPS", defaultValue = "none",
            description = "Leave softmax entries below EPS out of the gradients, and tell how much that dropped. auto "
                    + "is 2^-16 for BF16 and F16, 2^-28 for F32. Default: ${DEFAULT-VALUE}.")
    GradientFilter filter;

    @Option(names = "--max-dropped-mass", paramLabel = "X",
            description = "Compute a gradient exactly where the filter would drop more than this share of the softmax, "
                    + "mean over the positions. Default: no limit.")
    Double maxDroppedMass;

    /** The filter with its limit. */
    public GradientFilter get() {
        if (maxDroppedMass == null) {
            return filter;
        }
        if (filter.equals(GradientFilter.none())) {
            throw new BadInputException("--max-dropped-mass limits a filter: --filter auto or --filter EPS sets one");
        }
        if (!(maxDroppedMass > 0)) {
            throw new BadInputException("--max-dropped-mass must be above 0, not " + maxDroppedMass);
        }
        return filter.maxDroppedMass(maxDroppedMass);
    }
}
