package io.github.cce4j.cli.train;

/** A log-bilinear body under a full-softmax head. */
record LanguageModel(LogBilinear body, Head head) implements AutoCloseable {
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

    @Override
    public void close() {
        head.close();
    }
}
