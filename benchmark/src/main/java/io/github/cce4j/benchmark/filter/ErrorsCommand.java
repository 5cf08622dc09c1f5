package io.github.cce4j.benchmark.filter;

import io.github.cce4j.GradientFilter;
import io.github.cce4j.Inputs;
import io.github.cce4j.cli.train.Batch;
import io.github.cce4j.cli.train.TokenizedText;
import io.github.cce4j.cli.train.Training;
import java.io.IOException;
import java.nio.file.Files;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;

/** Trains with exact gradients and on the way computes what filters would have made of the next ones. */
@Command(name = "errors", sortOptions = false, mixinStandardHelpOptions = true,
        description = {"Train with exact gradients, in float32; after 0, 1, 2, 5, 10, ... steps measure what filters of "
            + "several thresholds make of the next batch's. Results: filter-errors.csv, filter-errors.png.", ""})
final class ErrorsCommand implements Callable<Integer> {

    private static final List<Integer> THRESHOLD_EXPONENTS = List.of(-8, -10, -12, -14, -16, -18, -20);

    @Mixin
    private StudyOptions options;

    @Override
    public Integer call() throws IOException, InterruptedException {
        System.out.println(options.origin());
        TokenizedText text = options.readText();
        Set<Integer> measured = oneTwoFive(options.steps());
        List<FilterError> errors = new ArrayList<>();
        System.out.println(FilterError.CSV_HEADER);
        try (Training training = options.begin(text, GradientFilter.none(), options.seed())) {
            for (int step = 0; step <= options.steps(); step++) {
                Batch batch = training.nextBatch();
                if (measured.contains(step)) {
                    int before = step;
                    errors.addAll(training.model().withInputs(batch, inputs -> measure(inputs, before)));
                }
                training.step(batch);
            }
        }
        List<String> lines = new ArrayList<>(List.of(FilterError.CSV_HEADER));
        errors.forEach(error -> lines.add(error.csv()));
        Files.write(options.file("filter-errors.csv"), lines);
        ErrorPicture.write(options.file("filter-errors.png"), errors);
        return 0;
    }

    private static List<FilterError> measure(Inputs inputs, int step) {
        GradientPair exact = GradientPair.compute(inputs, GradientFilter.none());
        List<FilterError> errors = new ArrayList<>();
        for (int exponent : THRESHOLD_EXPONENTS) {
            double threshold = Math.scalb(1.0, exponent);
            FilterError error = GradientPair.compute(inputs, GradientFilter.of(threshold)).error(exact, step, threshold);
            System.out.println(error.csv());
            errors.add(error);
        }
        return errors;
    }

    /** 0, 1, 2, 5, 10, 20, 50, ... up to {@code last}. */
    static Set<Integer> oneTwoFive(int last) {
        Set<Integer> steps = new TreeSet<>(Set.of(0));
        for (long decade = 1; decade <= last; decade *= 10) {
            for (int factor : new int[] {1, 2, 5}) {
                if (factor * decade <= last) {
                    steps.add(Math.toIntExact(factor * decade));
                }
            }
        }
        return steps;
    }
}
