package io.github.cce4j;

import io.github.cce4j.bindings.cce_problem;
import io.github.cce4j.internal.check.Check;
import io.github.cce4j.internal.downcall.Codes;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import java.util.EnumSet;
import java.util.Objects;
import java.util.Set;

/** Options and inputs that fit together, and the sizes that follow. */
final class Problem {
    private final Options options;
    private final Inputs inputs;
    private final Device device;
    private final Stream stream;
    private final long batch;
    private final long time;
    private final long classes;
    private final long hidden;
    private final Set<Gradient> gradients;

    /** @throws IllegalArgumentException if shapes, dtypes, devices or options do not fit together */
    Problem(Options options, Inputs inputs) {
        Objects.requireNonNull(inputs, "inputs");
        Tensor embeddings = inputs.embeddings();
        this.options = options;
        this.inputs = inputs;
        this.device = embeddings.device();
        this.stream = options.stream() == null ? device.defaultStream() : options.stream();
        requireHere("the stream", stream.device());

        checkEmbeddings(embeddings);
        this.batch = embeddings.rank() == 3 ? embeddings.dim(0) : 1;
        this.time = embeddings.dim(-2);
        this.hidden = embeddings.dim(-1);
        Check.that(
                options.shift() <= time, "shift", "at most the " + time + " positions of a sequence", options.shift());

        Tensor classifier = inputs.classifier();
        checkClassifier(classifier);
        this.classes = classifier.dim(0);
        checkOptional("targets", inputs.targets(), tokens(), DType.I32, DType.I64);
        checkOptional("bias", inputs.bias(), new long[] {classes}, embeddings.dtype(), DType.F32);
        checkOptional("classWeights", inputs.classWeights(), new long[] {classes}, DType.F32);
        checkOptional("tokenWeights", inputs.tokenWeights(), tokens(), DType.F32);
        this.gradients = checkedGradients();
    }

    private void checkEmbeddings(Tensor embeddings) {
        embeddings.requireOpen();
        Check.dtype("embeddings", embeddings.dtype(), DType.F32, DType.F16, DType.BF16);
        Check.that(
                embeddings.rank() == 2 || embeddings.rank() == 3,
                "the shape of embeddings",
                "(N, D) or (B, T, D)",
                Arrays.toString(embeddings.shape()));
        Check.that(embeddings.dim(-1) > 0, "the hidden size D of embeddings", "at least 1", embeddings.dim(-1));
    }

    private void checkClassifier(Tensor classifier) {
        classifier.requireOpen();
        requireHere("classifier", classifier.device());
        Check.dtype("classifier", classifier.dtype(), inputs.embeddings().dtype());
        Check.that(
                classifier.rank() == 2 && classifier.dim(1) == hidden && classifier.dim(0) > 0,
                "the shape of classifier",
                "(V, " + hidden + ") with V at least 1",
                Arrays.toString(classifier.shape()));
    }

    private void checkOptional(String name, Tensor tensor, long[] shape, DType... dtypes) {
        if (tensor != null) {
            check(name, tensor, shape, dtypes);
        }
    }

    private Set<Gradient> checkedGradients() {
        if (options.gradients() == null) {
            Set<Gradient> all = EnumSet.allOf(Gradient.class);
            if (inputs.bias() == null) {
                all.remove(Gradient.BIAS);
            }
            return all;
        }
        if (options.gradients().contains(Gradient.BIAS) && inputs.bias() == null) {
            throw new IllegalArgumentException("the gradient BIAS is configured, but the inputs have no bias");
        }
        return options.gradients();
    }

    private void requireHere(String name, Device where) {
        if (!where.equals(device)) {
            throw new IllegalArgumentException(
                    name + " must be on " + device + " as the embeddings, but is on " + where);
        }
    }

    /** That a tensor which takes part is open, of this device, and has the shape and one of the dtypes. */
    void check(String name, Tensor tensor, long[] shape, DType... dtypes) {
        tensor.requireOpen();
        requireHere(name, tensor.device());
        Check.dtype(name, tensor.dtype(), dtypes);
        Check.shape(name, tensor.shape(), shape);
    }

    /** @throws NullPointerException if the inputs have no targets */
    void requireTargets() {
        Objects.requireNonNull(inputs.targets(), "targets");
    }

    Options options() {
        return options;
    }

    Inputs inputs() {
        return inputs;
    }

    Device device() {
        return device;
    }

    Stream stream() {
        return stream;
    }

    /** Those that backward can be asked for. */
    Set<Gradient> gradients() {
        return gradients;
    }

    Tensor input(Gradient gradient) {
        return switch (gradient) {
            case EMBEDDINGS -> inputs.embeddings();
            case CLASSIFIER -> inputs.classifier();
            case BIAS -> inputs.bias();
        };
    }

    /** The shape of targets and token weights. */
    private long[] tokens() {
        return inputs.embeddings().rank() == 3 ? new long[] {batch, time} : new long[] {time};
    }

    /** The shape of results with an entry for each predicted position. */
    long[] positions() {
        long[] shape = tokens();
        shape[shape.length - 1] -= options.shift();
        return shape;
    }

    long[] lossShape() {
        return options.reduction() == Reduction.NONE ? positions() : new long[0];
    }

    /** Forward keeps none beside outputs, for which the state need not have room then. */
    private long keptLogitsBytes() {
        return options.outputs().isEmpty() ? options.keptLogitsBytes() : 0;
    }

    MemorySegment struct(Arena arena) {
        MemorySegment problem = arena.allocate(cce_problem.layout());
        cce_problem.struct_size(problem, problem.byteSize());
        cce_problem.batch(problem, batch);
        cce_problem.time(problem, time);
        cce_problem.classes(problem, classes);
        cce_problem.hidden(problem, hidden);
        cce_problem.shift(problem, options.shift());
        cce_problem.ignore_index(problem, options.ignoreIndex());
        cce_problem.softcap(problem, options.softcap());
        cce_problem.temperature(problem, options.temperature());
        cce_problem.label_smoothing(problem, options.labelSmoothing());
        cce_problem.z_loss(problem, options.zLoss());
        cce_problem.filter_embeddings(problem, options.filter().embeddings());
        cce_problem.filter_classifier(problem, options.filter().classifier());
        cce_problem.max_dropped_mass(problem, options.filter().maxDroppedMass());
        cce_problem.device(problem, device.ordinal());
        DType dtype = inputs.embeddings().dtype();
        cce_problem.dtype(problem, Codes.of(dtype));
        cce_problem.bias_dtype(problem, Codes.of(inputs.bias() == null ? dtype : inputs.bias().dtype()));
        cce_problem.target_dtype(problem, Codes.of(inputs.targets() == null ? DType.I64 : inputs.targets().dtype()));
        cce_problem.reduction(problem, Codes.of(options.reduction()));
        cce_problem.gradients(problem, Codes.mask(gradients));
        cce_problem.allow_tf32(problem, options.allowTf32() ? 1 : 0);
        cce_problem.kept_logits_bytes(problem, keptLogitsBytes());
        return problem;
    }
}
