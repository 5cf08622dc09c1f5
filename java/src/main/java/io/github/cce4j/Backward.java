package io.github.cce4j;

import java.util.Collections;
import java.util.EnumMap;
import java.util.EnumSet;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;

/**
 * What {@link Forward#backward(Backward)} is to compute, from what, and where to.
 *
 * {@snippet class="io.github.cce4j.snippets.LossSnippets" region="backward"}
 *
 * <p>The gradients are those of sum(gradLoss * loss) + sum(gradLse * lse). Requests are immutable: every method returns
 * a new one. What does not fit the forward is refused when backward is called.
 */
public final class Backward {
    private static final Backward ALL = new Backward(null, null, Map.of(), Set.of(), null, null, false);

    private final Set<Gradient> gradients;
    private final DType dtype;
    private final Map<Gradient, Tensor> targets;
    private final Set<Gradient> accumulated;
    private final Tensor gradLoss;
    private final Tensor gradLse;
    private final boolean filterReport;

    private Backward(
            Set<Gradient> gradients,
            DType dtype,
            Map<Gradient, Tensor> targets,
            Set<Gradient> accumulated,
            Tensor gradLoss,
            Tensor gradLse,
            boolean filterReport) {
        this.gradients = gradients;
        this.dtype = dtype;
        this.targets = targets;
        this.accumulated = accumulated;
        this.gradLoss = gradLoss;
        this.gradLse = gradLse;
        this.filterReport = filterReport;
    }

    /**
     * All gradients that were announced, into new tensors.
     *
     * @return a request
     */
    public static Backward all() {
        return ALL;
    }

    /**
     * Some gradients, into new tensors. What is not asked for costs nothing.
     *
     * @param gradients which
     * @return a request
     */
    public static Backward of(Gradient... gradients) {
        Set<Gradient> set = EnumSet.noneOf(Gradient.class);
        set.addAll(List.of(Objects.requireNonNull(gradients, "gradients")));
        return new Backward(Collections.unmodifiableSet(set), null, Map.of(), Set.of(), null, null, false);
    }

    /**
     * Sets the dtype of new gradient tensors. By default each has that of its input.
     *
     * @param value {@link DType#F32}, or the dtype of the embeddings for the default
     * @return a new request
     */
    public Backward dtype(DType value) {
        Objects.requireNonNull(value, "dtype");
        return new Backward(gradients, value, targets, accumulated, gradLoss, gradLse, filterReport);
    }

    /**
     * Asks for a gradient in a tensor of the caller's, whose contents are overwritten.
     *
     * @param gradient which
     * @param target shaped as the input, of its dtype or {@link DType#F32}; it stays the caller's to close
     * @return a new request
     */
    public Backward into(Gradient gradient, Tensor target) {
        return with(gradient, target, false);
    }

    /**
     * Asks for a gradient to be added to what a tensor of the caller's holds.
     *
     * @param gradient which
     * @param target shaped as the input, of its dtype or {@link DType#F32}; it stays the caller's to close
     * @return a new request
     */
    public Backward accumulateInto(Gradient gradient, Tensor target) {
        return with(gradient, target, true);
    }

    private Backward with(Gradient gradient, Tensor target, boolean accumulate) {
        Objects.requireNonNull(gradient, "gradient");
        Objects.requireNonNull(target, "target");
        Map<Gradient, Tensor> newTargets = new EnumMap<>(Gradient.class);
        newTargets.putAll(targets);
        newTargets.put(gradient, target);
        Set<Gradient> newAccumulated = EnumSet.noneOf(Gradient.class);
        newAccumulated.addAll(accumulated);
        if (accumulate) {
            newAccumulated.add(gradient);
        } else {
            newAccumulated.remove(gradient);
        }
        return new Backward(gradients, dtype, newTargets, newAccumulated, gradLoss, gradLse, filterReport);
    }

    /**
     * Sets what comes in at the loss.
     *
     * @param value {@link DType#F32}, shaped as {@link Forward#loss()}; null, the default, for ones
     * @return a new request
     */
    public Backward gradLoss(Tensor value) {
        return new Backward(gradients, dtype, targets, accumulated, value, gradLse, filterReport);
    }

    /**
     * Sets what comes in at the log-sum-exp.
     *
     * @param value {@link DType#F32}, shaped as {@link Forward#lse()}; null, the default, for zeros
     * @return a new request
     */
    public Backward gradLse(Tensor value) {
        return new Backward(gradients, dtype, targets, accumulated, gradLoss, value, filterReport);
    }

    /**
     * Asks what the filter dropped, see {@link Gradients#filterReport()}. With a filter that takes another pass over
     * the logits, unless {@link GradientFilter#maxDroppedMass} takes it anyway; without one it is free.
     *
     * @param wanted false by default
     * @return a new request
     */
    public Backward filterReport(boolean wanted) {
        return new Backward(gradients, dtype, targets, accumulated, gradLoss, gradLse, wanted);
    }

    /** Those of {@link #of}, or all that were announced; and those that have a target. */
    Set<Gradient> gradients(Set<Gradient> announced) {
        Set<Gradient> wanted = EnumSet.noneOf(Gradient.class);
        wanted.addAll(gradients == null ? announced : gradients);
        wanted.addAll(targets.keySet());
        return wanted;
    }

    /** Null unless set. */
    DType dtype() {
        return dtype;
    }

    Map<Gradient, Tensor> targets() {
        return targets;
    }

    Set<Gradient> accumulated() {
        return accumulated;
    }

    Tensor gradLoss() {
        return gradLoss;
    }

    Tensor gradLse() {
        return gradLse;
    }

    boolean wantsFilterReport() {
        return filterReport;
    }
}
