package io.github.cce4j;

import java.util.Set;

/**
 * What a {@link CutCrossEntropy} was configured to. {@code gradients} and {@code stream} may be null: what fits the
 * inputs.
 */
record Options(
        double softcap,
        double temperature,
        long ignoreIndex,
        long shift,
        Reduction reduction,
        double labelSmoothing,
        double zLoss,
        GradientFilter filter,
        Set<Gradient> gradients,
        Set<Output> outputs,
        boolean allowTf32,
        long keptLogitsBytes,
        Stream stream) {}
