package io.github.cce4j;

import io.github.cce4j.internal.memory.Carver;
import io.github.cce4j.internal.memory.Memory;
import java.util.Objects;

/**
 * The results of {@link CutCrossEntropy#forward(Inputs)}: the loss and its companions, and what backward needs.
 *
 * {@snippet class="io.github.cce4j.snippets.LossSnippets" region="forward"}
 *
 * <p>It owns its tensors, which share one piece of memory: they are closed with it, and closing one of them alone frees
 * nothing. The inputs are not its own and must stay open and unchanged until the last backward.
 *
 * <p><b>Bad targets.</b> A target that is neither a class nor the ignore index makes the loss NaN, and its position
 * counts as ignored. On the CPU forward itself throws. On CUDA the device finds it after forward has returned:
 * {@link #item()}, {@link #validPositions()} and {@link #check()} wait for the device and throw; reading the tensor
 * {@link #loss()} does not.
 *
 * <p>It may be used by many threads at once.
 */
public final class Forward implements AutoCloseable {
    /** What lies in the memory; results are null where it was resumed. */
    private record Parts(Memory state, Computation.Results results) {
        static Parts carve(Carver carver, Problem problem, long stateBytes, boolean withResults) {
            Memory state = carver.take(stateBytes);
            if (!withResults) {
                return new Parts(state, null);
            }
            Tensor argmax = requested(carver, problem, Output.ARGMAX, DType.I64);
            Tensor loss = carve(carver, problem, DType.F32, problem.lossShape());
            Tensor lse = carve(carver, problem, DType.F32, problem.positions());
            Tensor targetLogit = carve(carver, problem, DType.F32, problem.positions());
            Tensor entropy = requested(carver, problem, Output.ENTROPY, DType.F32);
            return new Parts(state, new Computation.Results(loss, lse, targetLogit, argmax, entropy));
        }

        private static Tensor requested(Carver carver, Problem problem, Output output, DType dtype) {
            return problem.options().outputs().contains(output)
                    ? carve(carver, problem, dtype, problem.positions())
                    : null;
        }

        private static Tensor carve(Carver carver, Problem problem, DType dtype, long[] shape) {
            return Tensor.carve(carver, problem.device(), dtype, shape);
        }
    }

    private final Problem problem;
    private final Memory memory;
    private final Memory state;
    private final Computation.Results results;

    /** Allocates; nothing is computed yet. */
    private Forward(Problem problem, boolean withResults) {
        this.problem = problem;
        long stateBytes = Computation.stateBytes(problem);
        Carver counting = Carver.counting();
        Parts.carve(counting, problem, stateBytes, withResults);
        Device device = problem.device();
        this.memory = Memory.allocate(
                device.ordinal(), counting.bytes(), problem.stream().nativeStream(), () -> "Forward on " + device);
        Parts parts = Parts.carve(Carver.of(memory), problem, stateBytes, withResults);
        this.state = parts.state();
        this.results = parts.results();
    }

    static Forward compute(Problem problem) {
        Forward forward = new Forward(problem, true);
        return forward.filled(() -> Computation.forward(problem, forward.results, forward.state));
    }

    static Forward resume(Problem problem, Tensor lse) {
        Forward forward = new Forward(problem, false);
        return forward.filled(() -> Computation.makeState(problem, lse, forward.state));
    }

    /** Runs what fills it, and closes it if that fails. */
    private Forward filled(Runnable fill) {
        try {
            fill.run();
            return this;
        } catch (Throwable e) {
            close();
            throw e;
        }
    }

    /**
     * The loss.
     *
     * @return {@link DType#F32}; a scalar for mean and sum, one entry for each position for {@link Reduction#NONE}. NaN
     *     if there was a bad target, see above
     * @throws IllegalStateException if this is closed, or was {@linkplain CutCrossEntropy#resume resumed}
     */
    public Tensor loss() {
        return results().loss();
    }

    /**
     * The loss as a number. Waits for it and checks the targets.
     *
     * @return the mean or sum
     * @throws IllegalStateException if this is closed or was resumed, or the reduction is {@link Reduction#NONE}
     * @throws CceException with {@link Status#TARGET} if there was a bad target, with its position and value
     */
    public float item() {
        Tensor loss = loss();
        if (problem.options().reduction() == Reduction.NONE) {
            throw new IllegalStateException("item() is for a mean or a sum, but the reduction is NONE: use loss()");
        }
        check();
        return loss.item();
    }

    /**
     * The log-sum-exp of the logits. It is differentiable: see {@link Backward#gradLse}.
     *
     * @return {@link DType#F32}, one entry for each position, 0 where ignored
     * @throws IllegalStateException if this is closed or was resumed
     */
    public Tensor lse() {
        return results().lse();
    }

    /**
     * The logits of the targets.
     *
     * @return {@link DType#F32}, one entry for each position, 0 where ignored
     * @throws IllegalStateException if this is closed or was resumed
     */
    public Tensor targetLogit() {
        return results().targetLogit();
    }

    /**
     * The classes with the largest logits, the lowest of equals.
     *
     * @return {@link DType#I64}, one entry for each position, -1 where ignored
     * @throws IllegalStateException if this is closed or was resumed, or {@link Output#ARGMAX} was not configured
     */
    public Tensor argmax() {
        return requireRequested(results().argmax(), Output.ARGMAX);
    }

    /**
     * The entropies of the softmax in nats.
     *
     * @return {@link DType#F32}, one entry for each position, 0 where ignored
     * @throws IllegalStateException if this is closed or was resumed, or {@link Output#ENTROPY} was not configured
     */
    public Tensor entropy() {
        return requireRequested(results().entropy(), Output.ENTROPY);
    }

    private Computation.Results results() {
        state.requireOpen();
        if (results == null) {
            throw new IllegalStateException("this Forward was resumed from an lse: it has no results, only backward");
        }
        return results;
    }

    private static Tensor requireRequested(Tensor tensor, Output output) {
        if (tensor == null) {
            throw new IllegalStateException(
                    output + " was not configured: CutCrossEntropy.builder().outputs(...) does that");
        }
        return tensor;
    }

    /**
     * The number of positions that are not ignored. Waits for it and checks the targets.
     *
     * @return at most the number of positions
     * @throws IllegalStateException if this is closed
     * @throws CceException with {@link Status#TARGET} if there was a bad target, with its position and value
     */
    public long validPositions() {
        return Computation.check(problem, state);
    }

    /**
     * Waits for forward and checks the targets.
     *
     * @throws IllegalStateException if this is closed
     * @throws CceException with {@link Status#TARGET} if there was a bad target, with its position and value
     */
    public void check() {
        validPositions();
    }

    /**
     * Computes all gradients that were announced.
     *
     * @return the gradients, to be closed
     * @throws IllegalStateException if this or an input is closed, or no gradients were announced
     * @throws CceException with {@link Status#OUT_OF_MEMORY} if the device has too little left
     */
    public Gradients backward() {
        return backward(Backward.all());
    }

    /**
     * Computes gradients. This can be repeated.
     *
     * @param request which gradients, from what and where to
     * @return the gradients, to be closed
     * @throws IllegalArgumentException if the request does not fit: a gradient that was not announced, a tensor with
     *     the wrong shape, dtype or device, read-only, or overlapping another
     * @throws IllegalStateException if this, an input or a tensor of the request is closed, or no gradients were
     *     announced
     * @throws CceException with {@link Status#OUT_OF_MEMORY} if the device has too little left
     */
    public Gradients backward(Backward request) {
        Objects.requireNonNull(request, "request");
        state.requireOpen();
        return Gradients.compute(problem, state, request);
    }

    /** Frees the results and the state. Waits for calls that use them. Closing again does nothing. */
    @Override
    public void close() {
        memory.close();
    }
}
