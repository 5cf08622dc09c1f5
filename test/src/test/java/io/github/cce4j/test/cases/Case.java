package io.github.cce4j.test.cases;

import io.github.cce4j.CutCrossEntropy;
import io.github.cce4j.DType;
import io.github.cce4j.Device;
import io.github.cce4j.Gradient;
import io.github.cce4j.Output;
import io.github.cce4j.Reduction;
import java.util.EnumSet;
import java.util.Set;

/**
 * One combination of shape and options. Its printed form is all that is needed to see what was run; its seed makes
 * its {@link Data}.
 */
public record Case(
        long seed, Shape shape, DType dtype, boolean allowTf32, Placement placement, int shift, DType targetType,
        Ignored ignored, Bias bias, double softcap, double temperature, Reduction reduction, Weights classWeights,
        Weights tokenWeights, double labelSmoothing, double zLoss, Filter filter, Kept kept,
        Set<Gradient> gradients, GradientType gradientType, Destination destination, boolean gradLoss, boolean gradLse,
        Set<Output> outputs) {

    public enum Ignored { NONE, SOME, ALL, A_CLASS, OTHER_INDEX }

    public enum Bias { ABSENT, AS_INPUT, F32 }

    public enum Weights { ABSENT, POSITIVE, SOME_ZERO }

    /** Of which classes there is room for kept logits. */
    public enum Kept { NONE, PART, ALL }

    /** The dtype of the gradients. */
    public enum GradientType { AS_INPUT, F32 }

    /** Where gradients go: to memory of the result's own, to a given buffer, or added into one. */
    public enum Destination { NEW, INTO, ACCUMULATE }

    /** Whether inputs own their memory or are views of foreign memory that no more than their elements aligns. */
    public enum Placement { OWNED, UNALIGNED_VIEW }

    /** Predicted positions, R. */
    public int rows() {
        return shape.batch() * (shape.time() - shift);
    }

    /** Whether a device rounds the factors of the forward pass to TF32, as cce.h says. */
    public boolean runsInTf32(Device device) {
        boolean hasTensorCores = device.isCuda() && !device.kernels().equals("cuda-plain");
        boolean rowsAreAligned = placement == Placement.OWNED && shape.hidden() % 4 == 0;
        return allowTf32 && dtype == DType.F32 && hasTensorCores && rowsAreAligned;
    }

    /** What logits may take: for the part, half of their 2 bytes. */
    public long keptLogitsBytes() {
        return switch (kept) {
            case NONE -> 0;
            case PART -> (long) rows() * shape.classes();
            case ALL -> Long.MAX_VALUE;
        };
    }

    /** Whether a device keeps the logits of all classes, as cce.h says. */
    public boolean keepsAllLogits(Device device) {
        boolean isExact = filter.equals(Filter.NONE) && labelSmoothing == 0 && outputs.isEmpty();
        boolean rowsAreAligned = placement == Placement.OWNED && shape.hidden() % 8 == 0;
        return kept == Kept.ALL && dtype == DType.BF16 && device.isCuda() && device.kernels().equals("cuda-sm90")
                && isExact && rowsAreAligned && !gradients.isEmpty();
    }

    public boolean hasBias() {
        return bias != Bias.ABSENT;
    }

    public DType biasType() {
        return bias == Bias.AS_INPUT ? dtype : DType.F32;
    }

    public DType gradientDType(Gradient gradient) {
        return gradientType == GradientType.F32 ? DType.F32 : gradient == Gradient.BIAS ? biasType() : dtype;
    }

    public boolean wants(Gradient gradient) {
        return gradients.contains(gradient);
    }

    public long ignoreIndex() {
        return switch (ignored) {
            case NONE, SOME, ALL -> -100;
            case A_CLASS -> shape.classes() / 2;
            case OTHER_INDEX -> -7;
        };
    }

    /** Entries of the loss and of the gradient that comes in for it. */
    public int lossEntries() {
        return reduction == Reduction.NONE ? rows() : 1;
    }

    /** The index of the embedding that position r reads. */
    public int tokenOf(int r) {
        int perSequence = shape.time() - shift;
        return r / perSequence * shape.time() + r % perSequence;
    }

    /** The index of the target (and token weight) that position r predicts. */
    public int targetOf(int r) {
        return tokenOf(r) + shift;
    }

    /** The configuration that says all this. */
    public CutCrossEntropy.Builder configuration() {
        CutCrossEntropy.Builder builder = CutCrossEntropy.builder();
        if (softcap != 0) {
            builder.softcap(softcap);
        }
        return builder.temperature(temperature).ignoreIndex(ignoreIndex()).shift(shift).reduction(reduction)
                .labelSmoothing(labelSmoothing).zLoss(zLoss).filter(filter.toGradientFilter())
                .gradients(gradients.toArray(Gradient[]::new)).outputs(outputs.toArray(Output[]::new))
                .allowTf32(allowTf32).keepLogits(keptLogitsBytes());
    }

    /** No options: the mean over the rows, all gradients, exact. */
    public static Case plain(long seed, Shape shape, DType dtype) {
        return new Case(seed, shape, dtype, false, Placement.OWNED, 0, DType.I64, Ignored.NONE, Bias.ABSENT, 0, 1,
                Reduction.MEAN, Weights.ABSENT, Weights.ABSENT, 0, 0, Filter.NONE, Kept.NONE,
                EnumSet.of(Gradient.EMBEDDINGS, Gradient.CLASSIFIER),
                GradientType.AS_INPUT, Destination.NEW, false, false, Set.of());
    }

    /** All options at once. */
    public static Case everything(long seed, Shape shape, DType dtype, Filter filter) {
        return new Case(seed, shape, dtype, true, Placement.OWNED, Math.min(1, shape.time()), DType.I32,
                Ignored.SOME, Bias.AS_INPUT, 30, 0.6, Reduction.MEAN, Weights.POSITIVE, Weights.POSITIVE, 0.1, 1e-3,
                filter, Kept.ALL, EnumSet.allOf(Gradient.class),
                GradientType.F32, Destination.NEW, true, true, EnumSet.allOf(Output.class));
    }

    /** The same case with everything computed in full. */
    public Case exact() {
        return with(false, softcap, Filter.NONE, Kept.NONE);
    }

    public Case withoutSoftcap() {
        return with(allowTf32, 0, filter, kept);
    }

    public Case with(Kept kept) {
        return with(allowTf32, softcap, filter, kept);
    }

    private Case with(boolean allowTf32, double softcap, Filter filter, Kept kept) {
        return new Case(seed, shape, dtype, allowTf32, placement, shift, targetType, ignored, bias, softcap,
                temperature, reduction, classWeights, tokenWeights, labelSmoothing, zLoss, filter, kept,
                gradients, gradientType, destination, gradLoss, gradLse, outputs);
    }
}
