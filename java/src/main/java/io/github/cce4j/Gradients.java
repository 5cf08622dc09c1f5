package io.github.cce4j;

import io.github.cce4j.bindings.cce_h;
import io.github.cce4j.internal.check.Check;
import io.github.cce4j.internal.memory.Closing;
import io.github.cce4j.internal.memory.Memory;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.stream.Stream;

/**
 * The results of {@link Forward#backward(Backward)}.
 *
 * {@snippet class="io.github.cce4j.snippets.LossSnippets" region="gradients"}
 *
 * <p>It owns the tensors that backward made: they are closed with it. Tensors that the caller gave stay open.
 */
public final class Gradients implements AutoCloseable {
    private final Map<Gradient, Tensor> gradients;
    private final Tensor filterReport;
    private final Closing owned;

    private Gradients(Map<Gradient, Tensor> gradients, Tensor filterReport, Closing owned) {
        this.gradients = gradients;
        this.filterReport = filterReport;
        this.owned = owned;
    }

    static Gradients compute(Problem problem, Memory state, Backward request) {
        Set<Gradient> wanted = wanted(problem, request);
        check(problem, request);
        Closing owned = new Closing();
        try {
            Map<Gradient, Tensor> tensors = new EnumMap<>(Gradient.class);
            for (Gradient gradient : wanted) {
                Tensor given = request.targets().get(gradient);
                tensors.put(gradient, given != null
                        ? given
                        : owned.add(allocate(problem, gradient, request.dtype()), Tensor::close));
            }
            Tensor report = request.wantsFilterReport()
                    ? owned.add(
                            Tensor.allocate(problem.stream(), DType.F32, cce_h.CCE_REPORT_LENGTH()), Tensor::close)
                    : null;
            Computation.backward(problem, new Computation.Flow(request, tensors, report), state);
            return new Gradients(tensors, report, owned);
        } catch (Throwable e) {
            owned.closeAfter(e);
            throw e;
        }
    }

    private static Set<Gradient> wanted(Problem problem, Backward request) {
        Set<Gradient> announced = problem.gradients();
        if (announced.isEmpty()) {
            throw new IllegalStateException("this Forward was configured without gradients: it has no backward");
        }
        Set<Gradient> wanted = request.gradients(announced);
        Check.that(!wanted.isEmpty(), "the set of gradients asked for", "not empty", wanted);
        Check.that(
                announced.containsAll(wanted),
                "the set of gradients asked for",
                "within the announced " + announced,
                wanted);
        return wanted;
    }

    private static void check(Problem problem, Backward request) {
        DType inputDType = problem.inputs().embeddings().dtype();
        if (request.dtype() != null) {
            Check.dtype("the new gradients", request.dtype(), inputDType, DType.F32);
        }
        if (request.gradLoss() != null) {
            problem.check("gradLoss", request.gradLoss(), problem.lossShape(), DType.F32);
        }
        if (request.gradLse() != null) {
            problem.check("gradLse", request.gradLse(), problem.positions(), DType.F32);
        }
        request.targets().forEach((gradient, target) -> {
            Tensor input = problem.input(gradient);
            String name = "the target for the gradient " + gradient;
            problem.check(name, target, input.shape(), input.dtype(), DType.F32);
            Check.that(!target.isReadOnly(), name, "writable", "a view of a read-only segment");
        });
        checkOverlaps(problem.inputs(), request);
    }

    /** Native code reads its inputs while it writes: nothing that it writes may be anything else. */
    private static void checkOverlaps(Inputs inputs, Backward request) {
        List<Tensor> others = new ArrayList<>(Stream.of(
                        inputs.embeddings(), inputs.classifier(), inputs.targets(), inputs.bias(),
                        inputs.classWeights(), inputs.tokenWeights(), request.gradLoss(), request.gradLse())
                .filter(Objects::nonNull)
                .toList());
        for (Tensor target : request.targets().values()) {
            for (Tensor other : others) {
                Check.that(
                        !target.memory().overlaps(other.memory()),
                        "the target of a gradient, " + target + ",", "apart from all others", "overlapping " + other);
            }
            others.add(target);
        }
    }

    private static Tensor allocate(Problem problem, Gradient gradient, DType requested) {
        Tensor input = problem.input(gradient);
        DType dtype = requested == DType.F32 ? DType.F32 : input.dtype();
        return Tensor.allocate(problem.stream(), dtype, input.shape());
    }

    /**
     * The gradient of the embeddings.
     *
     * @return shaped as the embeddings
     * @throws IllegalStateException if it was not asked for
     */
    public Tensor embeddings() {
        return require(Gradient.EMBEDDINGS);
    }

    /**
     * The gradient of the classifier.
     *
     * @return (V, D)
     * @throws IllegalStateException if it was not asked for
     */
    public Tensor classifier() {
        return require(Gradient.CLASSIFIER);
    }

    /**
     * The gradient of the bias.
     *
     * @return (V)
     * @throws IllegalStateException if it was not asked for, or the inputs have no bias
     */
    public Tensor bias() {
        return require(Gradient.BIAS);
    }

    private Tensor require(Gradient gradient) {
        Tensor tensor = gradients.get(gradient);
        if (tensor == null) {
            throw new IllegalStateException(
                    "the gradient " + gradient + " was not asked for, only " + gradients.keySet() + " were");
        }
        return tensor;
    }

    /**
     * What the filter dropped. Waits for backward.
     *
     * @return the report
     * @throws IllegalStateException if it was not asked for by {@link Backward#filterReport(boolean)}, or this is
     *     closed
     */
    public FilterReport filterReport() {
        if (filterReport == null) {
            throw new IllegalStateException(
                    "the filter report was not asked for: Backward.filterReport(true) does that");
        }
        float[] entries = filterReport.toFloats();
        return new FilterReport(
                entries[cce_h.CCE_REPORT_EMBEDDINGS_MEAN()],
                entries[cce_h.CCE_REPORT_EMBEDDINGS_WORST()],
                entries[cce_h.CCE_REPORT_CLASSIFIER_MEAN()],
                entries[cce_h.CCE_REPORT_CLASSIFIER_WORST()],
                entries[cce_h.CCE_REPORT_EMBEDDINGS_EXACT()] != 0,
                entries[cce_h.CCE_REPORT_CLASSIFIER_EXACT()] != 0);
    }

    /** Frees the tensors that backward made. Waits for calls that use them. Closing again does nothing. */
    @Override
    public void close() {
        owned.close();
    }
}
