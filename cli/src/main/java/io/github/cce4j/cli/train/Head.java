package io.github.cce4j.cli.train;

import io.github.cce4j.Backward;
import io.github.cce4j.CutCrossEntropy;
import io.github.cce4j.DType;
import io.github.cce4j.Device;
import io.github.cce4j.Forward;
import io.github.cce4j.Gradient;
import io.github.cce4j.GradientFilter;
import io.github.cce4j.Gradients;
import io.github.cce4j.Inputs;
import io.github.cce4j.Tensor;
import java.util.Optional;
import java.util.function.Function;

/** The head of the model: classifier, bias and the cross-entropy over all classes. */
final class Head implements AutoCloseable {
    private final Device device;
    private final int dim;
    private final CutCrossEntropy training;
    private final CutCrossEntropy scoring;
    private final DenseParameter classifier;
    private final DenseParameter bias;
    private final Optional<DroppedMass> droppedMass;
    private long peakLossBytes;

    /** A head that says at first what the bias says: the classifier is zero. */
    Head(Device device, int dim, float[] initialBias, Optimizer optimizer, GradientFilter filter,
            boolean allowTf32) {
        this.device = device;
        this.dim = dim;
        training = CutCrossEntropy.builder().filter(filter).allowTf32(allowTf32).build();
        scoring = training.toBuilder().gradients().build();
        classifier = new DenseParameter(device, optimizer, initialBias.length, dim);
        bias = new DenseParameter(device, optimizer, initialBias.length);
        bias.set(initialBias);
        droppedMass = filter.equals(GradientFilter.none()) ? Optional.empty() : Optional.of(new DroppedMass());
    }

    /**
     * One step: the mean loss of a batch, from which classifier and bias learn.
     *
     * @param hidden         hidden states (N, D)
     * @param hiddenGradient receives the gradient by them
     */
    double train(float[] hidden, int[] targets, float[] hiddenGradient, int step) {
        double loss;
        try (Tensor embeddings = Tensor.copyOf(device, hidden, targets.length, dim);
                Tensor embeddingsGradient = Tensor.allocate(device, DType.F32, targets.length, dim);
                Tensor labels = Tensor.copyOf(device, targets, targets.length)) {
            Backward request = Backward.all()
                    .into(Gradient.EMBEDDINGS, embeddingsGradient)
                    .into(Gradient.CLASSIFIER, classifier.gradient())
                    .into(Gradient.BIAS, bias.gradient())
                    .filterReport(droppedMass.isPresent());
            device.resetPeakMemory();
            long before = device.memoryUsage().liveBytes();
            // The gradients are in the tensors that the request names.
            try (Forward forward = training.forward(inputs(embeddings, labels));
                    Gradients gradients = forward.backward(request)) {
                loss = forward.item();
                droppedMass.ifPresent(dropped -> dropped.add(gradients.filterReport()));
            }
            peakLossBytes = Math.max(peakLossBytes, device.memoryUsage().peakBytes() - before);
            embeddingsGradient.copyTo(hiddenGradient);
        }
        classifier.update(step);
        bias.update(step);
        return loss;
    }

    /** The mean loss of a batch, without learning. */
    double loss(float[] hidden, int[] targets) {
        return withInputs(hidden, targets, inputs -> {
            try (Forward forward = scoring.forward(inputs)) {
                return (double) forward.item();
            }
        });
    }

    /** Hands over what the loss of a batch is computed from; the tensors are closed afterwards. */
    <T> T withInputs(float[] hidden, int[] targets, Function<Inputs, T> use) {
        try (Tensor embeddings = Tensor.copyOf(device, hidden, targets.length, dim);
                Tensor labels = Tensor.copyOf(device, targets, targets.length)) {
            return use.apply(inputs(embeddings, labels));
        }
    }

    private Inputs inputs(Tensor embeddings, Tensor labels) {
        return Inputs.of(embeddings, classifier.values(), labels).withBias(bias.values());
    }

    /** The most memory that the loss and its backward pass took in a step, beyond inputs and gradients. */
    long peakLossBytes() {
        return peakLossBytes;
    }

    /** What the filter dropped so far; empty without a filter. */
    Optional<DroppedMass> droppedMass() {
        return droppedMass;
    }

    DenseParameter classifier() {
        return classifier;
    }

    DenseParameter bias() {
        return bias;
    }

    @Override
    public void close() {
        classifier.close();
        bias.close();
    }
}
