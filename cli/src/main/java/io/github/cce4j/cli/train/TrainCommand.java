package io.github.cce4j.cli.train;

import io.github.cce4j.Device;
import io.github.cce4j.cli.BadInputException;
import io.github.cce4j.cli.Devices;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Locale;
import java.util.concurrent.Callable;
import java.util.random.RandomGenerator;
import java.util.random.RandomGeneratorFactory;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/** {@code cce4j train}. */
@Command(name = "train", sortOptions = false,
        description = {"Train a language model with a vocabulary of 200,019 tokens (o200k_base), always with the full "
            + "softmax, on the sources of the JDK that this runs on or on other text, and score it on text that it has "
            + "not seen.", ""})
public final class TrainCommand implements Callable<Integer> {
    /** By name, since the default may change from one JDK to the next. */
    private static final String RANDOM_ALGORITHM = "L64X128MixRandom";
    private static final int HELD_OUT_POSITIONS = 4096;

    @Option(names = "--text", paramLabel = "FILE|FOLDER",
            description = "Text to train on, UTF-8. Default: the JDK's sources.")
    Path text;

    @Option(names = "--max-characters", paramLabel = "K", defaultValue = "16000000",
            description = "Read no more text than this. Default: ${DEFAULT-VALUE}.")
    long maxCharacters;

    @Option(names = "--device", paramLabel = "cpu|cuda:K|best", defaultValue = "best",
            description = "Where the head is. Default: ${DEFAULT-VALUE}.")
    String deviceName;

    @Mixin
    TrainingOptions options;

    @Option(names = "--out", paramLabel = "FOLDER", defaultValue = "target/cce4j-train",
            description = "Folder for the picture of the losses and the head. Default: ${DEFAULT-VALUE}.")
    Path out;

    @Spec
    CommandSpec spec;

    @Override
    public Integer call() throws IOException {
        options.check();
        if (maxCharacters < 1) {
            throw new BadInputException("--max-characters must be at least 1, not " + maxCharacters);
        }
        Device device = Devices.find(deviceName);
        Files.createDirectories(out);
        TrainingReport report = new TrainingReport(spec.commandLine().getOut());

        Corpus corpus = text == null ? TextSource.jdkSources(maxCharacters) : TextSource.files(text, maxCharacters);
        Tokenizer tokenizer = new Tokenizer();
        int[] tokens = tokenizer.encode(corpus.training());
        int[] heldOutTokens = tokenizer.encode(corpus.heldOut());
        report.text(corpus, tokens.length, heldOutTokens.length);
        if (Math.min(tokens.length, heldOutTokens.length) <= options.context) {
            throw new BadInputException("too little text for a context of " + options.context + " tokens");
        }

        Batch heldOut = Batch.spread(heldOutTokens, options.context, HELD_OUT_POSITIONS);
        Unigram unigram = new Unigram(tokens, Tokenizer.CLASSES);
        double unigramLoss = unigram.loss(heldOut.targets());
        report.model(options, device, unigram.smoothing(), unigramLoss);

        RandomGenerator random = RandomGeneratorFactory.of(RANDOM_ALGORITHM).create(options.seed);
        try (LanguageModel model = newModel(device, unigram, random)) {
            LossCurve curve = train(model, tokens, heldOut, random);
            report.results(curve, heldOut.size(), unigramLoss);
            report.memory(model.head().peakLossBytes(), options.batch, Tokenizer.CLASSES);
            curve.writeCsv(out.resolve("losses.csv"));
            save(model, heldOut.part(0, options.batch), report);
            draw(curve, unigramLoss, report);
        }
        report.time();
        return 0;
    }

    /** A model that begins as the unigram model: the bias is its log-probabilities, the classifier is zero. */
    private LanguageModel newModel(Device device, Unigram unigram, RandomGenerator random) {
        Optimizer optimizer = options.newOptimizer();
        return new LanguageModel(
                new LogBilinear(Tokenizer.CLASSES, options.context, options.dim, optimizer, random),
                new Head(device, options.dim, unigram.logProbabilities(), optimizer, options.loss()));
    }

    private LossCurve train(LanguageModel model, int[] tokens, Batch heldOut, RandomGenerator random) {
        Training training = new Training(model, tokens, heldOut, options.context, options.batch);
        try (Progress progress = new Progress((long) options.steps * options.batch, spec.commandLine().getErr())) {
            return training.run(options.steps, random, progress::step);
        }
    }

    private void draw(LossCurve curve, double unigramLoss, TrainingReport report) throws IOException {
        Path picture = out.resolve("loss.png");
        try {
            String title = String.format(Locale.ROOT,
                    "Log-bilinear model, %,d classes, context %d, dim %d, %,d tokens a step", Tokenizer.CLASSES,
                    options.context, options.dim, options.batch);
            LossPicture.write(picture, title, curve, unigramLoss);
            report.picture(picture);
        } catch (RuntimeException | LinkageError | InternalError e) {
            // Without the system's font library AWT fails in one of these ways; the training is not lost for that.
            report.noPicture(e);
        }
    }

    private void save(LanguageModel model, Batch batch, TrainingReport report) throws IOException {
        Path file = out.resolve("heldout.safetensors");
        HeldOutBatch.write(file, model, batch);
        report.saved(file, model.loss(batch, batch.size()), deviceName);
    }
}
