package io.github.cce4j.cli;

import io.github.cce4j.CutCrossEntropy;
import io.github.cce4j.Reduction;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** The options that say what the loss is; they mean what they mean in the library. */
final class LossOptions {
    @Option(names = "--softcap", paramLabel = "X", description = "Logits become X * tanh(logits / X). Default: none.")
    Double softcap;

    @Option(names = "--temperature", paramLabel = "X", defaultValue = "1",
            description = "Logits are divided by it, after the softcap. Default: ${DEFAULT-VALUE}.")
    double temperature;

    @Option(names = "--ignore-index", paramLabel = "K", defaultValue = "-100",
            description = "Targets of this value are left out. Default: ${DEFAULT-VALUE}.")
    long ignoreIndex;

    @Option(names = "--shift", paramLabel = "K", defaultValue = "0",
            description = "Position t predicts target t + K. Default: ${DEFAULT-VALUE}.")
    long shift;

    @Option(names = "--reduction", paramLabel = "none|mean|sum", defaultValue = "mean",
            description = "Of the positions' losses. With none, gradients and the printed loss are of their sum. "
                    + "Default: ${DEFAULT-VALUE}.")
    Reduction reduction;

    @Option(names = "--label-smoothing", paramLabel = "X", defaultValue = "0",
            description = "Share of the target that is spread over all classes, 0 to 1. Default: ${DEFAULT-VALUE}.")
    double labelSmoothing;

    @Option(names = "--z-loss", paramLabel = "X", defaultValue = "0",
            description = "Adds X * lse^2 to each position's loss. Default: ${DEFAULT-VALUE}.")
    double zLoss;

    @Mixin
    FilterOptions filter;

    @Option(names = "--allow-tf32",
            description = "Float32 inputs may be rounded to TF32 for the tensor cores of a GPU, in forward.")
    boolean allowTf32;

    CutCrossEntropy.Builder configure() {
        try {
            CutCrossEntropy.Builder builder = CutCrossEntropy.builder()
                    .temperature(temperature).ignoreIndex(ignoreIndex).shift(shift).reduction(reduction)
                    .labelSmoothing(labelSmoothing).zLoss(zLoss).filter(filter.get())
                    .allowTf32(allowTf32);
            return softcap == null ? builder : builder.softcap(softcap);
        } catch (IllegalArgumentException e) {
            throw new BadInputException(e.getMessage(), e);
        }
    }
}
