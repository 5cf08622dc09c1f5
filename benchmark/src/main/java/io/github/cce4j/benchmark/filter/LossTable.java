package io.github.cce4j.benchmark.filter;

import io.github.cce4j.cli.train.DroppedMass;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;

/**
 * Where trainings ended, as a Markdown table.
 *
 * @param firstSeed of consecutive ones
 * @param ends      of each filter by its name, one for each seed
 */
record LossTable(long firstSeed, Map<String, List<TrainingEnd>> ends) {

    String markdown() {
        int seeds = ends.values().iterator().next().size();
        StringBuilder head = new StringBuilder("| filter |");
        for (int i = 0; i < seeds; i++) {
            head.append(" seed ").append(firstSeed + i).append(" |");
        }
        head.append(" mean | standard deviation | dropped from dE, dC | steps with exact dE, dC |\n|");
        head.append(" --- |".repeat(seeds + 5)).append('\n');
        ends.forEach((filter, runs) -> head.append(row(filter, runs)));
        return head.toString();
    }

    private static String row(String filter, List<TrainingEnd> runs) {
        StringBuilder row = new StringBuilder("| ").append(filter).append(" |");
        for (TrainingEnd run : runs) {
            row.append(String.format(Locale.ROOT, " %.4f |", run.loss()));
        }
        double mean = runs.stream().mapToDouble(TrainingEnd::loss).average().orElseThrow();
        row.append(String.format(Locale.ROOT, " %.4f | %s |", mean, deviation(runs, mean)));
        return row.append(dropped(runs)).append('\n').toString();
    }

    private static String deviation(List<TrainingEnd> runs, double mean) {
        if (runs.size() == 1) {
            return "-";
        }
        double squares = runs.stream().mapToDouble(run -> Math.pow(run.loss() - mean, 2)).sum();
        return String.format(Locale.ROOT, "%.4f", Math.sqrt(squares / (runs.size() - 1)));
    }

    private static String dropped(List<TrainingEnd> runs) {
        List<DroppedMass> filtered = runs.stream().map(TrainingEnd::dropped).flatMap(Optional::stream).toList();
        if (filtered.isEmpty()) {
            return " 0, 0 | all |";
        }
        return String.format(
                Locale.ROOT,
                " %.3g, %.3g | %s, %s |",
                filtered.stream().mapToDouble(DroppedMass::embeddings).average().orElseThrow(),
                filtered.stream().mapToDouble(DroppedMass::classifier).average().orElseThrow(),
                filtered.stream().map(DroppedMass::embeddingsExact).toList(),
                filtered.stream().map(DroppedMass::classifierExact).toList());
    }
}
