package io.github.cce4j.benchmark.libtorch;

import io.github.cce4j.DType;
import io.github.cce4j.Library;
import io.github.cce4j.benchmark.Shape;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import org.bytedeco.javacpp.PointerScope;
import org.bytedeco.pytorch.global.torch;
import tools.jackson.databind.json.JsonMapper;

/**
 * Both contenders on one shape in one process, turn by turn. Arguments: shape, threads, rounds, seed, gibibytes to touch
 * and free first (an allocator that keeps its memory then never asks the system again), and the file for the
 * {@link Measured}.
 */
final class Measurement {

    private Measurement() {}

    public static void main(String[] arguments) {
        Shape shape = Shape.parse(arguments[0]);
        int threads = Integer.parseInt(arguments[1]);
        int rounds = Integer.parseInt(arguments[2]);
        long seed = Long.parseLong(arguments[3]);
        touch(Long.parseLong(arguments[4]));

        Library.setCpuThreads(threads);
        torch.set_num_threads(threads);
        Workload workload = new Workload(shape, seed);
        Contender reference = new LibtorchContender(workload, DType.F32);
        List<Contender> contenders = List.of(
                new Cce4jContender(workload, DType.F32),
                reference,
                new Cce4jContender(workload, DType.BF16),
                new LibtorchContender(workload, DType.BF16));

        List<Agreement> agreements =
                contenders.stream().map(contender -> compare(contender, reference)).toList();
        List<List<Cost>> costs = contenders.stream().map(contender -> (List<Cost>) new ArrayList<Cost>()).toList();
        for (int round = 0; round < rounds; round++) {
            StringBuilder line = new StringBuilder("  round " + (round + 1) + " of " + rounds + ":");
            for (int i = 0; i < contenders.size(); i++) {
                Cost cost = contenders.get(i).step(result -> {});
                costs.get(i).add(cost);
                line.append(String.format(
                        Locale.ROOT, "  %s %s %.0f ms", contenders.get(i).name(), contenders.get(i).dtype(), cost.milliseconds()));
            }
            System.out.println(line);
        }

        List<Measured> measured = new ArrayList<>();
        for (int i = 0; i < contenders.size(); i++) {
            measured.add(Measured.of(contenders.get(i), costs.get(i), agreements.get(i)));
        }
        JsonMapper.shared().writeValue(Path.of(arguments[5]).toFile(), measured);
    }

    private static void touch(long gibibytes) {
        if (gibibytes > 0) {
            try (PointerScope scope = new PointerScope()) {
                torch.ones(gibibytes << 28).close();
            }
        }
    }

    /** Compares one step's results with those of libtorch in fp32; the first step of each is its warm-up too. */
    private static Agreement compare(Contender contender, Contender reference) {
        if (contender == reference) {
            return new Agreement(0, 0, 0);
        }
        List<Agreement> agreement = new ArrayList<>();
        reference.step(expected -> contender.step(actual -> agreement.add(new Agreement(
                Math.abs(actual.loss() - expected.loss()) / expected.loss(),
                actual.embeddings().relativeError(expected.embeddings()),
                actual.classifier().relativeError(expected.classifier())))));
        return agreement.getFirst();
    }
}
