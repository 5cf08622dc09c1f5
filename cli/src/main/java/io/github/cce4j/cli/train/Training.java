package io.github.cce4j.cli.train;

import io.github.cce4j.Device;
import io.github.cce4j.GradientFilter;
import io.github.cce4j.cli.BadInputException;
import java.util.function.ObjDoubleConsumer;
import java.util.random.RandomGenerator;
import java.util.random.RandomGeneratorFactory;

/** A training from its start: the model, the text, and one random batch after the other. */
public final class Training implements AutoCloseable {
    /** By name, since the default may change from one JDK to the next. */
    private static final String RANDOM_ALGORITHM = "L64X128MixRandom";
    private static final int HELD_OUT_POSITIONS = 4096;
    private static final int LARGE_BATCH = 8192;
    /** How often the held-out loss is taken on the way. */
    private static final int EVALUATIONS = 10;
    /** Positions that are scored together. */
    private static final int SCORING_BATCH = 512;

    private final TrainingOptions options;
    private final int[] tokens;
    private final Batch heldOut;
    private final Unigram unigram;
    private final RandomGenerator random;
    private final LanguageModel model;
    private int steps;

    /**
     * Makes a model whose classifier is zero: it begins with what the bias says.
     *
     * @param options of which {@code seed} takes the place of the seed
     * @param device  where the head is
     * @param text    to learn from and to score
     * @param filter  of the head's gradients
     * @param seed    of initial values and batches
     */
    public Training(TrainingOptions options, Device device, TokenizedText text, GradientFilter filter, long seed) {
        if (Math.min(text.training().length, text.heldOut().length) <= options.context) {
            throw new BadInputException("too little text for a context of " + options.context + " tokens");
        }
        this.options = options;
        tokens = text.training();
        heldOut = Batch.spread(text.heldOut(), options.context, HELD_OUT_POSITIONS);
        unigram = new Unigram(tokens, Tokenizer.CLASSES);
        random = RandomGeneratorFactory.of(RANDOM_ALGORITHM).create(seed);
        Optimizer optimizer = options.newOptimizer();
        model = new LanguageModel(
                new LogBilinear(Tokenizer.CLASSES, options.context, options.dim, optimizer, random),
                new Head(device, options.dim, options.initialBias(unigram), optimizer, filter,
                        options.allowTf32));
    }

    /** The model as it is now. */
    public LanguageModel model() {
        return model;
    }

    /** The model to compare with, and by default the one to begin as. */
    Unigram unigram() {
        return unigram;
    }

    /** The positions that are scored. */
    Batch heldOut() {
        return heldOut;
    }

    /** As many positions of the same text as a GPU takes in a training step. */
    Batch largeHeldOut() {
        return Batch.spread(heldOut.tokens(), options.context, LARGE_BATCH);
    }

    /** Draws the next positions to learn from. */
    public Batch nextBatch() {
        return Batch.random(tokens, options.context, options.batch, random);
    }

    /** Learns from a batch; returns its mean loss before that. */
    public double step(Batch batch) {
        return model.train(batch, ++steps);
    }

    /** The mean loss of text that the model has not seen. */
    public double heldOutLoss() {
        return model.loss(heldOut, SCORING_BATCH);
    }

    /** Trains to the end; {@code progress} is told each batch and its loss. */
    LossCurve run(ObjDoubleConsumer<Batch> progress) {
        LossCurve curve = new LossCurve();
        curve.addHeldOut(0, heldOutLoss());
        while (steps < options.steps) {
            Batch batch = nextBatch();
            double loss = step(batch);
            curve.addTraining(steps, loss);
            progress.accept(batch, loss);
            if (steps == options.steps || steps % Math.ceilDiv(options.steps, EVALUATIONS) == 0) {
                curve.addHeldOut(steps, heldOutLoss());
            }
        }
        return curve;
    }

    @Override
    public void close() {
        model.close();
    }
}
