package io.github.cce4j.test.cases;

import io.github.cce4j.DType;
import io.github.cce4j.Gradient;
import io.github.cce4j.Output;
import io.github.cce4j.Reduction;
import io.github.cce4j.test.Seeds;
import io.github.cce4j.test.cases.Case.Bias;
import io.github.cce4j.test.cases.Case.Destination;
import io.github.cce4j.test.cases.Case.GradientType;
import io.github.cce4j.test.cases.Case.Ignored;
import io.github.cce4j.test.cases.Case.Kept;
import io.github.cce4j.test.cases.Case.Placement;
import io.github.cce4j.test.cases.Case.Weights;
import java.util.ArrayList;
import java.util.EnumSet;
import java.util.List;
import java.util.Random;
import java.util.Set;
import java.util.stream.Stream;

/** The combinations that the contract suite runs: for each dtype, every pair of levels of every two options. */
public final class Cases {

    private static final Shape[] SHAPES = {
        Shape.rows(1, 7, 5), Shape.rows(9, 1, 4), Shape.rows(13, 11, 1), Shape.rows(17, 67, 24),
        Shape.rows(40, 131, 33), Shape.rows(64, 128, 64), Shape.rows(130, 1031, 40), Shape.rows(67, 515, 257),
        Shape.rows(0, 19, 8), Shape.sequences(3, 7, 97, 16), Shape.sequences(2, 65, 301, 72),
        Shape.sequences(5, 1, 2, 3), Shape.sequences(1, 300, 2003, 129), Shape.sequences(0, 5, 4, 8)};

    /** Shifts; one that is longer than the sequence stands for all of it, so that no position is left. */
    private static final int[] SHIFTS = {0, 1, 3, Integer.MAX_VALUE};

    private static final double[] SOFTCAPS = {0, 3, 30};
    private static final double[] TEMPERATURES = {1, 0.6, 1.7};
    private static final double[] LABEL_SMOOTHINGS = {0, 0.1, 1};
    private static final double[] Z_LOSSES = {0, 1e-3};

    /** As small as limits can be: a mass is known to 1e-6. */
    private static final double LEAST_LIMIT = 1e-5;

    private static final Filter[] FILTERS = {
        Filter.NONE, new Filter(Filter.AUTO, Filter.AUTO, 0), new Filter(0.01, 0.01, 0), new Filter(0.05, 0.003, 0),
        new Filter(0, 0.02, 0), new Filter(2e-4, 2e-4, 0), new Filter(0.02, 0.02, LEAST_LIMIT),
        new Filter(0.02, 0.02, 0.9), new Filter(Filter.AUTO, Filter.AUTO, LEAST_LIMIT)};

    private static final List<Set<Gradient>> GRADIENTS = subsets(Gradient.class);
    private static final List<Set<Output>> OUTPUTS = subsets(Output.class);

    /** The random cases beyond the covering array, for each dtype. */
    private static final int EXTRA = Integer.getInteger("cce4j.extraCases", 40);

    private Cases() {}

    /** The same list for the same seed. */
    public static List<Case> all() {
        return Stream.of(DType.F32, DType.F16, DType.BF16).flatMap(dtype -> of(dtype).stream()).toList();
    }

    private static List<Case> of(DType dtype) {
        Random random = Seeds.random("cases of " + dtype);
        // in the order in which a case reads its choice
        int[] levels = {
            SHAPES.length, 2, Placement.values().length, SHIFTS.length, 2, Ignored.values().length,
            Bias.values().length, SOFTCAPS.length, TEMPERATURES.length, Reduction.values().length,
            Weights.values().length, Weights.values().length, LABEL_SMOOTHINGS.length, Z_LOSSES.length, FILTERS.length,
            Kept.values().length, GRADIENTS.size(), GradientType.values().length, Destination.values().length, 2, 2,
            OUTPUTS.size()};
        List<int[]> rows = new ArrayList<>(Pairwise.cover(levels, random));
        for (int i = 0; i < EXTRA; i++) {
            rows.add(random.ints(levels.length).toArray());
        }
        List<Case> cases = new ArrayList<>();
        for (int[] row : rows) {
            cases.add(of(dtype, random.nextLong(), new Choice(row)));
        }
        return cases;
    }

    private static Case of(DType dtype, long seed, Choice choice) {
        Shape shape = choice.of(SHAPES);
        boolean allowTf32 = choice.below(2) == 1;
        Placement placement = choice.of(Placement.values());
        int shift = Math.min(SHIFTS[choice.below(SHIFTS.length)], shape.time());
        DType targetType = choice.below(2) == 0 ? DType.I64 : DType.I32;
        Ignored ignored = choice.of(Ignored.values());
        Bias bias = choice.of(Bias.values());
        double softcap = SOFTCAPS[choice.below(SOFTCAPS.length)];
        double temperature = TEMPERATURES[choice.below(TEMPERATURES.length)];
        Reduction reduction = choice.of(Reduction.values());
        Weights classWeights = choice.of(Weights.values());
        Weights tokenWeights = choice.of(Weights.values());
        double labelSmoothing = LABEL_SMOOTHINGS[choice.below(LABEL_SMOOTHINGS.length)];
        double zLoss = Z_LOSSES[choice.below(Z_LOSSES.length)];
        Filter filter = choice.of(FILTERS);
        Kept kept = choice.of(Kept.values());
        EnumSet<Gradient> gradients = EnumSet.noneOf(Gradient.class);
        gradients.addAll(GRADIENTS.get(choice.below(GRADIENTS.size())));
        if (bias == Bias.ABSENT) {
            gradients.remove(Gradient.BIAS);
        }
        return new Case(seed, shape, dtype, allowTf32, placement, shift, targetType, ignored, bias, softcap,
                temperature, reduction, classWeights, tokenWeights, labelSmoothing, zLoss, filter, kept,
                gradients, choice.of(GradientType.values()), choice.of(Destination.values()), choice.below(2) == 1,
                choice.below(2) == 1, OUTPUTS.get(choice.below(OUTPUTS.size())));
    }

    private static <E extends Enum<E>> List<Set<E>> subsets(Class<E> type) {
        E[] all = type.getEnumConstants();
        List<Set<E>> subsets = new ArrayList<>();
        for (int mask = 0; mask < 1 << all.length; mask++) {
            Set<E> subset = EnumSet.noneOf(type);
            for (E element : all) {
                if ((mask >> element.ordinal() & 1) == 1) {
                    subset.add(element);
                }
            }
            subsets.add(subset);
        }
        return subsets;
    }

    /** Reads the levels of a row one after the other. */
    private static final class Choice {
        private final int[] row;
        private int next;

        Choice(int[] row) {
            this.row = row;
        }

        int below(int levels) {
            return Math.floorMod(row[next++], levels);
        }

        <T> T of(T[] levels) {
            return levels[below(levels.length)];
        }
    }
}
