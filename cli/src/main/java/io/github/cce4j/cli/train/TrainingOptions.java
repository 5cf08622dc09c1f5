package io.github.cce4j.cli.train;

import io.github.cce4j.cli.BadInputException;
import picocli.CommandLine.Option;

/** The options that say what is trained and how. */
public final class TrainingOptions {
    /** Update rules. */
    enum OptimizerName { ADAGRAD, ADAM }

    /** What the model knows at the start. */
    enum Start { UNIGRAM, UNIFORM }

    @Option(names = "--steps", paramLabel = "K", defaultValue = "200",
            description = "Steps. Default: ${DEFAULT-VALUE}.")
    int steps;

    @Option(names = "--batch", paramLabel = "N", defaultValue = "512",
            description = "Tokens to predict in a step. Default: ${DEFAULT-VALUE}.")
    int batch;

    @Option(names = "--dim", paramLabel = "D", defaultValue = "32",
            description = "Size of embeddings and hidden states. Default: ${DEFAULT-VALUE}.")
    int dim;

    @Option(names = "--context", paramLabel = "K", defaultValue = "8",
            description = "Tokens that the model looks back. Default: ${DEFAULT-VALUE}.")
    int context;

    @Option(names = "--start", paramLabel = "unigram|uniform", defaultValue = "unigram",
            description = "The bias at the start: the tokens' log-probabilities, or zero, so that all tokens are as "
                    + "likely. Default: ${DEFAULT-VALUE}.")
    Start start;

    @Option(names = "--optimizer", paramLabel = "adagrad|adam", defaultValue = "adagrad",
            description = "Default: ${DEFAULT-VALUE}.")
    OptimizerName optimizer;

    @Option(names = "--lr", paramLabel = "X", description = "Learning rate. Default: 0.2 for adagrad, 0.03 for adam.")
    Double learningRate;

    @Option(names = "--allow-tf32",
            description = "Float32 may be rounded to TF32 for the tensor cores of a GPU, in forward.")
    boolean allowTf32;

    @Option(names = "--seed", paramLabel = "K", defaultValue = "1",
            description = "Of initial values and batches; the same seed gives the same losses. "
                    + "Default: ${DEFAULT-VALUE}.")
    long seed;

    Optimizer newOptimizer() {
        return switch (optimizer) {
            case ADAGRAD -> new Adagrad(learningRate == null ? 0.2f : learningRate.floatValue());
            case ADAM -> new Adam(learningRate == null ? 0.03f : learningRate.floatValue());
        };
    }

    /** The head's bias before the first step. */
    float[] initialBias(Unigram unigram) {
        return start == Start.UNIGRAM ? unigram.logProbabilities() : new float[Tokenizer.CLASSES];
    }

    /** Steps of the training. */
    public int steps() {
        return steps;
    }

    /** Seed of initial values and batches. */
    public long seed() {
        return seed;
    }

    /** Refuses values that are out of range. */
    public void check() {
        inRange("--steps", steps, 1_000_000_000);
        inRange("--batch", batch, 1 << 20);
        inRange("--dim", dim, 8192);
        inRange("--context", context, 1024);
        if (learningRate != null && !(learningRate > 0 && learningRate < Double.POSITIVE_INFINITY)) {
            throw new BadInputException("--lr must be above 0 and finite, not " + learningRate);
        }
    }

    private static void inRange(String option, int value, int highest) {
        if (value < 1 || value > highest) {
            throw new BadInputException(option + " must be from 1 to " + highest + ", not " + value);
        }
    }
}
