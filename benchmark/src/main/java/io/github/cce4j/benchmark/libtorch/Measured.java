package io.github.cce4j.benchmark.libtorch;

import io.github.cce4j.DType;
import java.util.List;

/** What all rounds of one contender came to: every time and its median, the most memory of any round, and the agreement. */
record Measured(
        String name,
        DType dtype,
        List<Double> milliseconds,
        double medianMilliseconds,
        long countedBytes,
        long residentBytes,
        Agreement agreement) {

    static Measured of(Contender contender, List<Cost> costs, Agreement agreement) {
        List<Double> times = costs.stream().map(Cost::milliseconds).toList();
        return new Measured(
                contender.name(),
                contender.dtype(),
                times,
                median(times),
                costs.stream().mapToLong(Cost::countedBytes).max().orElseThrow(),
                costs.stream().mapToLong(Cost::residentBytes).max().orElseThrow(),
                agreement);
    }

    private static double median(List<Double> values) {
        double[] sorted = values.stream().mapToDouble(Double::doubleValue).sorted().toArray();
        int middle = sorted.length / 2;
        return sorted.length % 2 == 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
    }
}
