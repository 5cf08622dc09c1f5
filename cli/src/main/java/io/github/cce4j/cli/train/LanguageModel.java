package io.github.cce4j.cli.train;

import io.github.cce4j.Inputs;
import java.util.Optional;
import java.util.function.Function;

/** A log-bilinear body under a full-softmax head. */
public final class LanguageModel implements AutoCloseable {
    private final LogBilinear body;
    private final Head head;

    LanguageModel(LogBilinear body, Head head) {
        this.body = body;
        this.head = head;
    }

    LogBilinear body() {
        return body;
    }

    Head head() {
        return head;
    }

    /** One step of training; returns the batch's mean loss before it. */
    double train(Batch batch, int step) {
        float[] hidden = body.forward(batch);
        float[] hiddenGradient = new float[hidden.length];
        double loss = head.train(hidden, batch.targets(), hiddenGradient, step);
        body.backward(batch, hiddenGradient, step);
        return loss;
    }

    /** The mean loss of positions, computed in batches of at most {@code size}. */
    double loss(Batch batch, int size) {
        double sum = 0;
        for (int i = 0; i * size < batch.size(); i++) {
            Batch part = batch.part(i, size);
            sum += head.loss(body.forward(part), part.targets()) * part.size();
        }
        return sum / batch.size();
    }

    /** Hands over what the loss of a batch is computed from; the tensors are closed afterwards. */
    public <T> T withInputs(Batch batch, Function<Inputs, T> use) {
        return head.withInputs(body.forward(batch), batch.targets(), use);
    }

    /** What the filter dropped so far; empty without a filter. */
    public Optional<DroppedMass> droppedMass() {
        return head.droppedMass();
    }

    @Override
    public void close() {
        head.close();
    }
}
