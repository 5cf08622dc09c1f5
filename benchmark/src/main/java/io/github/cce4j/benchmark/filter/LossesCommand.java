package io.github.cce4j.benchmark.filter;

import io.github.cce4j.GradientFilter;
import io.github.cce4j.cli.train.TokenizedText;
import io.github.cce4j.cli.train.Training;
import java.io.IOException;
import java.nio.file.Files;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** Trains with and without filters from several seeds, and compares where that ends. */
@Command(name = "losses", sortOptions = false, mixinStandardHelpOptions = true,
        description = {"Train from several seeds with exact gradients and with filters, and compare the losses of "
            + "held-out text at the end. Result: filter-losses.md.", ""})
final class LossesCommand implements Callable<Integer> {

    @Option(names = "--seeds", paramLabel = "K", defaultValue = "3",
            description = "Trainings with each filter, from seeds that count up from --seed. "
                    + "Default: ${DEFAULT-VALUE}.")
    private int seeds;

    @Option(names = "--filters", paramLabel = "none|EPS|EPS:LIMIT", split = ",",
            defaultValue = "none,0x1p-12,0x1p-12:0.25,0x1p-16",
            description = "What to train with: exactly, or with a threshold, or also with a limit of the dropped mass. "
                    + "Default: ${DEFAULT-VALUE}; 0x1p-16 is what auto is for bfloat16.")
    private List<StudiedFilter> filters;

    @Mixin
    private StudyOptions options;

    @Override
    public Integer call() throws IOException, InterruptedException {
        String origin = options.origin();
        TokenizedText text = options.readText();
        Map<String, List<TrainingEnd>> ends = new LinkedHashMap<>();
        for (int i = 0; i < seeds; i++) {
            for (StudiedFilter studied : filters) {
                TrainingEnd end = train(text, studied.filter(), options.seed() + i);
                System.out.println("seed " + (options.seed() + i) + ", " + studied.name() + ": loss " + end.loss());
                ends.computeIfAbsent(studied.name(), name -> new ArrayList<>()).add(end);
            }
        }
        String table = origin + "\n\n" + new LossTable(options.seed(), ends).markdown();
        Files.writeString(options.file("filter-losses.md"), table);
        System.out.println(table);
        return 0;
    }

    private TrainingEnd train(TokenizedText text, GradientFilter filter, long seed) {
        try (Training training = options.begin(text, filter, seed)) {
            for (int step = 0; step < options.steps(); step++) {
                training.step(training.nextBatch());
            }
            return new TrainingEnd(training.heldOutLoss(), training.model().droppedMass());
        }
    }
}
