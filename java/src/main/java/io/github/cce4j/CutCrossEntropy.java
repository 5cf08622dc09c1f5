package io.github.cce4j;

import io.github.cce4j.internal.check.Check;
import java.util.Collections;
import java.util.EnumSet;
import java.util.List;
import java.util.Objects;
import java.util.Set;
import java.util.function.Consumer;

/**
 * The cross-entropy of a linear classifier with very many classes, computed without ever storing the logits.
 *
 * {@snippet class="io.github.cce4j.snippets.LossSnippets" region="training"}
 *
 * <p><b>What is computed.</b> E are the embeddings, C the classifier, b the bias, y the targets, V the number of
 * classes:
 *
 * <pre>
 *   z[i,j]  = softcap * tanh((E[i] . C[j] + b[j]) / softcap) / temperature     never stored
 *   lse[i]  = log sum_j exp z[i,j]
 *   ce[i]   = (1 - a) * w[y] * (lse[i] - z[i,y]) + a/V * sum_j w[j] * (lse[i] - z[i,j])
 *   loss[i] = t[i] * (ce[i] + lambda * lse[i]^2)
 * </pre>
 *
 * <p>with y = y[i], a the label smoothing, w the class weights, t the token weights and lambda the z-loss. Sums,
 * softmax and lse are computed in float32 or better, whatever the dtype of the inputs. The same inputs on the same
 * device give the same bits, in the gradients too.
 *
 * <p><b>Positions.</b> Embeddings (N, D) have N positions; embeddings (B, T, D) have T in each of B sequences. With a
 * shift k, position t predicts the target at t + k, and the last k positions of each sequence predict nothing. So
 * results with an entry for each position have the shape (N - k) or (B, T - k).
 *
 * <p><b>Order.</b> On the CPU every method returns when its work is done. On CUDA it puts the work on the configured
 * stream and returns; methods that read a result wait for it.
 *
 * <p>Objects of this class are immutable and may be used by many threads at once.
 */
public final class CutCrossEntropy {
    private static final Options DEFAULTS = new Options(
            0, 1, -100, 0, Reduction.MEAN, 0, 0, GradientFilter.none(), null, EnumSet.noneOf(Output.class), false,
            0, null);

    private final Options options;

    private CutCrossEntropy(Options options) {
        this.options = options;
    }

    /**
     * The default configuration, see {@link Builder}.
     *
     * @return a loss as PyTorch's {@code cross_entropy} computes it unless told otherwise
     */
    public static CutCrossEntropy create() {
        return new CutCrossEntropy(DEFAULTS);
    }

    /**
     * Begins a configuration with the defaults.
     *
     * @return a new builder
     */
    public static Builder builder() {
        return new Builder(DEFAULTS);
    }

    /**
     * Begins a configuration with what this one has.
     *
     * @return a new builder
     */
    public Builder toBuilder() {
        return new Builder(options);
    }

    /**
     * Computes the loss.
     *
     * @param embeddings (N, D) or (B, T, D)
     * @param classifier (V, D)
     * @param targets (N) or (B, T)
     * @return the results, to be closed
     * @throws NullPointerException if an argument is null
     * @throws IllegalArgumentException if shapes, dtypes or devices do not fit together
     * @throws IllegalStateException if a tensor is closed
     * @throws CceException with {@link Status#TARGET} on the CPU if a target is neither a class nor the ignore index
     *     (on CUDA {@link Forward#check()} reports that); with {@link Status#OUT_OF_MEMORY} if the device has too
     *     little left
     */
    public Forward forward(Tensor embeddings, Tensor classifier, Tensor targets) {
        return forward(Inputs.of(embeddings, classifier, targets));
    }

    /**
     * Computes the loss.
     *
     * @param inputs the inputs, with targets
     * @return the results, to be closed
     * @throws NullPointerException if there are no targets
     * @throws IllegalArgumentException if shapes, dtypes or devices do not fit together
     * @throws IllegalStateException if a tensor is closed
     * @throws CceException with {@link Status#TARGET} on the CPU if a target is neither a class nor the ignore index
     *     (on CUDA {@link Forward#check()} reports that); with {@link Status#OUT_OF_MEMORY} if the device has too
     *     little left
     */
    public Forward forward(Inputs inputs) {
        Problem problem = new Problem(options, inputs);
        problem.requireTargets();
        return Forward.compute(problem);
    }

    /**
     * Computes the log-sum-exp of the logits alone.
     *
     * @param inputs the inputs; without targets no position is ignored
     * @return lse, {@link DType#F32}, one entry for each position, 0 where ignored; to be closed
     * @throws IllegalArgumentException if shapes, dtypes or devices do not fit together
     * @throws IllegalStateException if a tensor is closed
     * @throws CceException with {@link Status#OUT_OF_MEMORY} if the device has too little left
     */
    public Tensor logSumExp(Inputs inputs) {
        Problem problem = new Problem(options, inputs);
        return filled(problem, lse -> Computation.logSumExp(problem, lse));
    }

    /**
     * Computes the logits of the targets alone, the indexed dot product.
     *
     * @param inputs the inputs, with targets
     * @return z[i, y[i]], {@link DType#F32}, one entry for each position, 0 where ignored; to be closed
     * @throws NullPointerException if there are no targets
     * @throws IllegalArgumentException if shapes, dtypes or devices do not fit together
     * @throws IllegalStateException if a tensor is closed
     * @throws CceException with {@link Status#OUT_OF_MEMORY} if the device has too little left
     */
    public Tensor indexedDot(Inputs inputs) {
        Problem problem = new Problem(options, inputs);
        problem.requireTargets();
        return filled(problem, targetLogit -> Computation.indexedDot(problem, targetLogit));
    }

    private static Tensor filled(Problem problem, Consumer<Tensor> compute) {
        Tensor result = Tensor.allocate(problem.stream(), DType.F32, problem.positions());
        try {
            compute.accept(result);
            return result;
        } catch (Throwable e) {
            result.close();
            throw e;
        }
    }

    /**
     * Goes on to backward with a log-sum-exp that came from elsewhere, say from {@link #logSumExp} or merged over the
     * parts of a vocabulary that is spread over devices.
     *
     * @param inputs the inputs, with targets
     * @param lse log-sum-exp of all logits, {@link DType#F32}, one entry for each position
     * @return a result that has no loss and no outputs, only {@link Forward#backward()}; to be closed
     * @throws NullPointerException if there are no targets
     * @throws IllegalArgumentException if shapes, dtypes or devices do not fit together
     * @throws IllegalStateException if a tensor is closed
     * @throws CceException as {@link #forward(Inputs)}
     */
    public Forward resume(Inputs inputs, Tensor lse) {
        Objects.requireNonNull(lse, "lse");
        Problem problem = new Problem(options, inputs);
        problem.requireTargets();
        problem.check("lse", lse, problem.positions(), DType.F32);
        return Forward.resume(problem, lse);
    }

    /**
     * How much device memory a computation takes, without computing.
     *
     * @param inputs the inputs that it is about
     * @return bytes beyond inputs and results
     * @throws IllegalArgumentException if shapes, dtypes or devices do not fit together
     * @throws IllegalStateException if a tensor is closed
     */
    public MemoryPlan plan(Inputs inputs) {
        return Computation.plan(new Problem(options, inputs));
    }

    @Override
    public String toString() {
        return "CutCrossEntropy" + options.toString().substring("Options".length());
    }

    /**
     * Configures a {@link CutCrossEntropy}. Setters check their argument at once and return the builder.
     *
     * {@snippet class="io.github.cce4j.snippets.LossSnippets" region="builder"}
     */
    public static final class Builder {
        private double softcap;
        private double temperature;
        private long ignoreIndex;
        private long shift;
        private Reduction reduction;
        private double labelSmoothing;
        private double zLoss;
        private GradientFilter filter;
        private Set<Gradient> gradients;
        private Set<Output> outputs;
        private boolean allowTf32;
        private long keptLogitsBytes;
        private Stream stream;

        private Builder(Options from) {
            softcap = from.softcap();
            temperature = from.temperature();
            ignoreIndex = from.ignoreIndex();
            shift = from.shift();
            reduction = from.reduction();
            labelSmoothing = from.labelSmoothing();
            zLoss = from.zLoss();
            filter = from.filter();
            gradients = from.gradients();
            outputs = from.outputs();
            allowTf32 = from.allowTf32();
            keptLogitsBytes = from.keptLogitsBytes();
            stream = from.stream();
        }

        /**
         * Bounds the logits: z becomes softcap * tanh(z / softcap).
         *
         * @param value finite and greater than 0; 0, the default, for none
         * @return this builder
         * @throws IllegalArgumentException if it is out of range
         */
        public Builder softcap(double value) {
            Check.that(value >= 0 && Double.isFinite(value), "softcap", "finite and at least 0", value);
            softcap = value;
            return this;
        }

        /**
         * Divides the logits, after the softcap.
         *
         * @param value finite and greater than 0; 1 by default
         * @return this builder
         * @throws IllegalArgumentException if it is out of range
         */
        public Builder temperature(double value) {
            Check.that(value > 0 && Double.isFinite(value), "temperature", "finite and greater than 0", value);
            temperature = value;
            return this;
        }

        /**
         * Sets which target means that a position does not count: its loss, lse and gradients are 0, at no cost.
         *
         * @param value any number; -100 by default
         * @return this builder
         */
        public Builder ignoreIndex(long value) {
            ignoreIndex = value;
            return this;
        }

        /**
         * Sets how far ahead a position predicts: position t the target at t + shift, without a copy of the embeddings.
         *
         * @param value at least 0, the default, and at most the number of positions of a sequence
         * @return this builder
         * @throws IllegalArgumentException if it is negative
         */
        public Builder shift(long value) {
            Check.that(value >= 0, "shift", "at least 0", value);
            shift = value;
            return this;
        }

        /**
         * Sets how the losses of the positions become one.
         *
         * @param value {@link Reduction#MEAN} by default
         * @return this builder
         */
        public Builder reduction(Reduction value) {
            reduction = Objects.requireNonNull(value, "reduction");
            return this;
        }

        /**
         * Gives part of the target's probability to all classes alike.
         *
         * @param value in [0, 1]; 0 by default
         * @return this builder
         * @throws IllegalArgumentException if it is out of range
         */
        public Builder labelSmoothing(double value) {
            Check.that(value >= 0 && value <= 1, "labelSmoothing", "in [0, 1]", value);
            labelSmoothing = value;
            return this;
        }

        /**
         * Adds lambda * lse<sup>2</sup> to the loss of each position.
         *
         * @param lambda finite and at least 0; 0 by default
         * @return this builder
         * @throws IllegalArgumentException if it is out of range
         */
        public Builder zLoss(double lambda) {
            Check.that(lambda >= 0 && Double.isFinite(lambda), "zLoss", "finite and at least 0", lambda);
            zLoss = lambda;
            return this;
        }

        /**
         * Sets what backward may leave out.
         *
         * @param value {@link GradientFilter#none()}, which is exact, by default
         * @return this builder
         */
        public Builder filter(GradientFilter value) {
            filter = Objects.requireNonNull(value, "filter");
            return this;
        }

        /**
         * Announces which gradients backward may be asked for.
         *
         * @param values any of them; none if only the loss is wanted. By default all that the inputs have
         * @return this builder
         */
        public Builder gradients(Gradient... values) {
            gradients = set(Gradient.class, values, "gradients");
            return this;
        }

        /**
         * Sets what forward computes beside loss, lse and target logits.
         *
         * @param values any of them; none by default
         * @return this builder
         */
        public Builder outputs(Output... values) {
            outputs = set(Output.class, values, "outputs");
            return this;
        }

        /**
         * Sets whether {@link CutCrossEntropy#forward(Inputs)} and {@link CutCrossEntropy#logSumExp} may round float32
         * embeddings and classifier to TF32, 11 significant bits, on their way to the tensor cores of a GPU; sums stay
         * float32. That is for GPUs from Ampere on, where every row begins at a multiple of 16 bytes, and without
         * effect elsewhere, on the CPU and on 16-bit inputs. As PyTorch's
         * {@code torch.backends.cuda.matmul.allow_tf32}.
         *
         * <p>A product E[i] . C[j] is off by at most 2<sup>-10</sup> of the sum of the sizes of its terms, typically by
         * 2<sup>-12</sup> of the root of the sum of their squares, and the lse of a position by no more than its worst
         * logit; so a loss near 0 may come out below it. Target logits are not rounded, and neither is anything in
         * backward, which takes the lse of forward as it is.
         *
         * @param value whether they may; false, which is float32 in full, by default
         * @return this builder
         */
        public Builder allowTf32(boolean value) {
            allowTf32 = value;
            return this;
        }

        /**
         * Sets how much memory a {@link Forward} may take to keep logits for exact gradients, until it is closed: they
         * are computed twice otherwise, in forward and in backward. The logits of as many of the first classes are kept
         * as there is room for, at about 2.03 bytes a position and class; all of them, {@code 2.03 * N * V} bytes, save
         * one of the four matrix products that a loss and its gradients take. {@link CutCrossEntropy#plan} says what
         * the state grows by, which is never more than is allowed here.
         *
         * <p>That is for bfloat16 on GPUs of compute capability 9.0, for a D that is a multiple of 8, without a filter,
         * label smoothing and outputs, and for a softcap of at most 64 times the temperature; elsewhere nothing is kept
         * and no memory taken. Room is taken, but nothing kept, if embeddings or classifier do not begin at a multiple
         * of 16 bytes, and by {@link CutCrossEntropy#resume}. Where a gradient goes to such a place, backward computes
         * the logits once more.
         *
         * <p>A probability that backward takes from a kept logit is off by at most 2<sup>-12</sup> of itself; with a
         * softcap by softcap / temperature * 2<sup>-16</sup> of itself, and the derivative of the softcap by
         * 2<sup>-15</sup>. The gradients of logits are rounded to bfloat16, by up to 2<sup>-9</sup>, with or without.
         * Loss and lse do not change.
         *
         * @param bytes at least 0, the default; {@link Long#MAX_VALUE} for all logits
         * @return this builder
         * @throws IllegalArgumentException if it is negative
         */
        public Builder keepLogits(long bytes) {
            Check.that(bytes >= 0, "keepLogits", "at least 0", bytes);
            keptLogitsBytes = bytes;
            return this;
        }

        /**
         * Sets the stream that the work goes to, which ties the configuration to its device.
         *
         * @param value a stream, which stays the caller's to close; by default the default stream of the inputs' device
         * @return this builder
         */
        public Builder stream(Stream value) {
            stream = Objects.requireNonNull(value, "stream");
            return this;
        }

        /**
         * Makes the configuration. The builder can be used again.
         *
         * @return a new configuration
         */
        public CutCrossEntropy build() {
            return new CutCrossEntropy(new Options(
                    softcap, temperature, ignoreIndex, shift, reduction, labelSmoothing, zLoss, filter, gradients,
                    outputs, allowTf32, keptLogitsBytes, stream));
        }

        private static <E extends Enum<E>> Set<E> set(Class<E> type, E[] values, String name) {
            Set<E> set = EnumSet.noneOf(type);
            set.addAll(List.of(Objects.requireNonNull(values, name)));
            return Collections.unmodifiableSet(set);
        }
    }
}
