package io.github.cce4j.benchmark.libtorch;

import io.github.cce4j.DType;
import io.github.cce4j.benchmark.Machine;
import io.github.cce4j.benchmark.Shape;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;

/** All that was measured, and the table of it. */
record Report(Machine machine, int threads, int rounds, long seed, List<Run> runs) {

    /** One shape under one allocator. */
    record Run(Shape shape, Allocator allocator, List<Measured> measured) {

        Measured of(String name, DType dtype) {
            return measured.stream()
                    .filter(one -> one.name().equals(name) && one.dtype() == dtype)
                    .findFirst()
                    .orElseThrow();
        }
    }

    /** Whether CCE4J and libtorch computed the same in fp32. */
    boolean agrees() {
        return runs.stream().allMatch(run -> run.of("cce4j", DType.F32).agreement().holds());
    }

    String markdown() {
        StringBuilder text = new StringBuilder(String.format(
                Locale.ROOT,
                "%s, %d processors, kernels %s, %d threads; Java %s; %s, commit %s. Median of %d rounds, turn by turn.%n%n",
                machine.processor(),
                machine.processors(),
                machine.kernels(),
                threads,
                machine.java(),
                machine.date(),
                machine.commit(),
                rounds));
        text.append("Forward and backward. Ratio: CCE4J's time by libtorch's.\n\n");
        text.append("| N, V, D | dtype | malloc | CCE4J ms | libtorch ms | ratio | loss, dE, dC error of CCE4J | of libtorch |\n");
        text.append("| --- | --- | --- | --- | --- | --- | --- | --- |\n");
        for (Run run : runs) {
            for (DType dtype : List.of(DType.F32, DType.BF16)) {
                text.append(timeRow(run, dtype));
            }
        }
        text.append("\nPeak memory beyond inputs and gradients, MB (2^20 bytes). Counted: what CCE4J asked for, exact. "
                + "Resident: what the process grew by.\n\n");
        text.append("| N, V, D | dtype | CCE4J counted | CCE4J resident | libtorch resident |\n");
        text.append("| --- | --- | --- | --- | --- |\n");
        for (Run run : runs) {
            // An allocator that keeps what is freed hides what a step needs.
            if (run.allocator() == Allocator.SYSTEM) {
                for (DType dtype : List.of(DType.F32, DType.BF16)) {
                    text.append(memoryRow(run, dtype));
                }
            }
        }
        text.append("\n| wanted | at most | measured | |\n| --- | --- | --- | --- |\n");
        targets().forEach(target -> text.append(target.row()));
        return text.toString();
    }

    /** A limit that CCE4J must keep. */
    private record Target(String what, double limit, double measured) {

        String row() {
            return String.format(
                    Locale.ROOT, "| %s | %.2f | %.2f | %s |%n", what, limit, measured, measured <= limit ? "met" : "missed");
        }
    }

    private List<Target> targets() {
        List<Target> targets = new ArrayList<>();
        for (Run run : runs) {
            String where = shape(run) + ", malloc " + malloc(run);
            Measured f32 = run.of("cce4j", DType.F32);
            Measured bf16 = run.of("cce4j", DType.BF16);
            Measured libtorch = run.of("libtorch", DType.F32);
            targets.add(new Target(
                    "fp32 time by libtorch's: " + where, 1, f32.medianMilliseconds() / libtorch.medianMilliseconds()));
            targets.add(new Target(
                    "bf16 time by fp32's: " + where, 1, bf16.medianMilliseconds() / f32.medianMilliseconds()));
            if (run.allocator() == Allocator.SYSTEM) {
                targets.add(new Target("MB beyond inputs and gradients: " + where, 32, megabytes(f32.countedBytes())));
                targets.add(new Target(
                        "the same by libtorch's: " + where, 0.1, (double) f32.countedBytes() / libtorch.residentBytes()));
            }
        }
        return targets;
    }

    private static String timeRow(Run run, DType dtype) {
        Measured ours = run.of("cce4j", dtype);
        Measured theirs = run.of("libtorch", dtype);
        return String.format(
                Locale.ROOT,
                "| %s | %s | %s | %.0f | %.0f | %.2f | %s | %s |%n",
                shape(run),
                dtype,
                malloc(run),
                ours.medianMilliseconds(),
                theirs.medianMilliseconds(),
                ours.medianMilliseconds() / theirs.medianMilliseconds(),
                errors(ours),
                errors(theirs));
    }

    private static String memoryRow(Run run, DType dtype) {
        Measured ours = run.of("cce4j", dtype);
        Measured theirs = run.of("libtorch", dtype);
        return String.format(
                Locale.ROOT,
                "| %s | %s | %.1f | %.1f | %.1f |%n",
                shape(run),
                dtype,
                megabytes(ours.countedBytes()),
                megabytes(ours.residentBytes()),
                megabytes(theirs.residentBytes()));
    }

    private static String shape(Run run) {
        return String.format(
                Locale.ROOT, "%d, %d, %d", run.shape().tokens(), run.shape().classes(), run.shape().hidden());
    }

    private static String malloc(Run run) {
        return run.allocator().toString().toLowerCase(Locale.ROOT);
    }

    private static String errors(Measured measured) {
        if (measured.name().equals("libtorch") && measured.dtype() == DType.F32) {
            return "reference";
        }
        Agreement agreement = measured.agreement();
        return String.format(
                Locale.ROOT, "%.1e, %.1e, %.1e", agreement.loss(), agreement.embeddings(), agreement.classifier());
    }

    private static double megabytes(long bytes) {
        return bytes / 1048576.0;
    }
}
