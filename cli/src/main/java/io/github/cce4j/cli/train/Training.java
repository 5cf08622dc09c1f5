package io.github.cce4j.cli.train;

import java.util.function.ObjDoubleConsumer;
import java.util.random.RandomGenerator;

/** The training loop. */
final class Training {
    /** How often the held-out loss is taken on the way. */
    private static final int EVALUATIONS = 10;
    /** Positions that are scored together. */
    private static final int SCORING_BATCH = 512;

    private final LanguageModel model;
    private final int[] tokens;
    private final Batch heldOut;
    private final int context;
    private final int batchSize;

    /**
     * @param tokens  text to learn from
     * @param heldOut positions of other text, to score
     */
    Training(LanguageModel model, int[] tokens, Batch heldOut, int context, int batchSize) {
        this.model = model;
        this.tokens = tokens;
        this.heldOut = heldOut;
        this.context = context;
        this.batchSize = batchSize;
    }

    /** Trains; {@code progress} is told each batch and its loss. */
    LossCurve run(int steps, RandomGenerator random, ObjDoubleConsumer<Batch> progress) {
        LossCurve curve = new LossCurve();
        curve.addHeldOut(0, model.loss(heldOut, SCORING_BATCH));
        for (int step = 1; step <= steps; step++) {
            Batch batch = Batch.random(tokens, context, batchSize, random);
            double loss = model.train(batch, step);
            curve.addTraining(step, loss);
            progress.accept(batch, loss);
            if (step == steps || step % Math.ceilDiv(steps, EVALUATIONS) == 0) {
                curve.addHeldOut(step, model.loss(heldOut, SCORING_BATCH));
            }
        }
        return curve;
    }
}
