package io.github.cce4j.cli.train;

import io.github.cce4j.Device;
import io.github.cce4j.GradientFilter;
import io.github.cce4j.cli.Devices;
import io.github.cce4j.cli.FilterOptions;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Locale;
import java.util.concurrent.Callable;
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
    @Mixin
    TextOptions textOptions;

    @Option(names = "--device", paramLabel = "cpu|cuda:K|best", defaultValue = "best",
            description = "Where the head is. Default: ${DEFAULT-VALUE}.")
    String deviceName;

    @Mixin
    TrainingOptions options;

    @Mixin
    FilterOptions filter;

    @Option(names = "--out", paramLabel = "FOLDER", defaultValue = "target/cce4j-train",
            description = "Folder for the picture of the losses and the head. Default: ${DEFAULT-VALUE}.")
    Path out;

    @Spec
    CommandSpec spec;

    @Override
    public Integer call() throws IOException {
        options.check();
        GradientFilter gradientFilter = filter.get();
        Device device = Devices.find(deviceName);
        Files.createDirectories(out);
        TrainingReport report = new TrainingReport(spec.commandLine().getOut());

        TokenizedText text = textOptions.read();
        report.text(text);
        try (Training training = new Training(options, device, text, gradientFilter, options.seed)) {
            double unigramLoss = training.unigram().loss(training.heldOut().targets());
            report.model(options, device, training.unigram().smoothing(), unigramLoss);
            LossCurve curve = run(training);
            LanguageModel model = training.model();
            report.results(curve, training.heldOut().size(), unigramLoss);
            model.droppedMass().ifPresent(report::filter);
            report.memory(model.head().peakLossBytes(), options.batch, Tokenizer.CLASSES);
            curve.writeCsv(out.resolve("losses.csv"));
            save(model, training.largeHeldOut(), report);
            draw(curve, unigramLoss, report);
        }
        report.time();
        return 0;
    }

    private LossCurve run(Training training) {
        try (Progress progress = new Progress((long) options.steps * options.batch, spec.commandLine().getErr())) {
            return training.run(progress::step);
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
