package io.github.cce4j.benchmark.filter;

import io.github.cce4j.Device;
import io.github.cce4j.GradientFilter;
import io.github.cce4j.benchmark.Machine;
import io.github.cce4j.cli.Devices;
import io.github.cce4j.cli.train.TextOptions;
import io.github.cce4j.cli.train.TokenizedText;
import io.github.cce4j.cli.train.Training;
import io.github.cce4j.cli.train.TrainingOptions;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/** Options of both studies: what is trained, where, and where the results go. */
final class StudyOptions {

    @Spec(Spec.Target.MIXEE)
    private CommandSpec spec;

    @Mixin
    private TextOptions text;

    @Option(names = "--device", paramLabel = "cpu|cuda:K|best", defaultValue = "best",
            description = "Where the head is. Default: ${DEFAULT-VALUE}.")
    private String device;

    @Mixin
    private TrainingOptions training;

    @Option(names = "--out", paramLabel = "FOLDER", defaultValue = "benchmark/target/results",
            description = "Where the results go. Default: ${DEFAULT-VALUE}.")
    private Path out;

    /** Reads the text, once for all trainings. */
    TokenizedText readText() throws IOException {
        training.check();
        return text.read();
    }

    Training begin(TokenizedText tokens, GradientFilter filter, long seed) {
        return new Training(training, device(), tokens, filter, seed);
    }

    Device device() {
        return Devices.find(device);
    }

    int steps() {
        return training.steps();
    }

    long seed() {
        return training.seed();
    }

    /** The command, where and when it ran. */
    String origin() throws IOException, InterruptedException {
        Machine machine = Machine.here();
        Device device = device();
        List<String> arguments = spec.root().commandLine().getParseResult().originalArgs();
        return String.format(
                "`benchmark/run filter %s`; %s: %s, kernels %s; %d processors; Java %s; %s, commit %s",
                String.join(" ", arguments),
                device,
                device.name(),
                device.kernels(),
                machine.processors(),
                machine.java(),
                machine.date(),
                machine.commit());
    }

    /** A file for results of this name. */
    Path file(String name) throws IOException {
        return Files.createDirectories(out).resolve(name);
    }
}
