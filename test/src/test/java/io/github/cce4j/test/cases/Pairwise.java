package io.github.cce4j.test.cases;

import java.util.ArrayList;
import java.util.BitSet;
import java.util.List;
import java.util.Random;

/** A covering array of strength two: rows in which every pair of levels of every two factors occurs together. */
final class Pairwise {

    private static final int CANDIDATES = 40;

    private final int[] levels;
    private final int[] offsets;
    private final BitSet[] missing;
    private int left;

    private Pairwise(int[] levels) {
        this.levels = levels;
        offsets = new int[levels.length];
        int total = 0;
        for (int i = 0; i < levels.length; i++) {
            offsets[i] = total;
            total += levels[i];
        }
        missing = new BitSet[total];
        for (int i = 0; i < levels.length; i++) {
            for (int level = 0; level < levels[i]; level++) {
                BitSet partners = missing[offsets[i] + level] = new BitSet(total);
                if (i + 1 < levels.length) {
                    partners.set(offsets[i + 1], total);
                }
                left += partners.cardinality();
            }
        }
    }

    /** Each row has one level, in [0, levels[i]), for each factor i. */
    static List<int[]> cover(int[] levels, Random random) {
        Pairwise array = new Pairwise(levels);
        List<int[]> rows = new ArrayList<>();
        while (array.left > 0) {
            int[] best = null;
            int most = -1;
            for (int i = 0; i < CANDIDATES; i++) {
                int[] candidate = array.candidate(random);
                int gain = array.gain(candidate);
                if (gain > most) {
                    most = gain;
                    best = candidate;
                }
            }
            array.take(best);
            rows.add(best);
        }
        return rows;
    }

    /** A random row around one pair that is still missing, so that every row makes progress. */
    private int[] candidate(Random random) {
        int[] row = new int[levels.length];
        for (int i = 0; i < row.length; i++) {
            row[i] = random.nextInt(levels[i]);
        }
        int start = random.nextInt(missing.length);
        for (int i = 0; i < missing.length; i++) {
            int one = (start + i) % missing.length;
            int other = missing[one].nextSetBit(0);
            if (other >= 0) {
                set(row, one);
                set(row, other);
                break;
            }
        }
        return row;
    }

    private void set(int[] row, int at) {
        int factor = levels.length - 1;
        while (offsets[factor] > at) {
            factor--;
        }
        row[factor] = at - offsets[factor];
    }

    private int gain(int[] row) {
        int gain = 0;
        for (int i = 0; i < row.length; i++) {
            for (int j = i + 1; j < row.length; j++) {
                gain += missing[offsets[i] + row[i]].get(offsets[j] + row[j]) ? 1 : 0;
            }
        }
        return gain;
    }

    private void take(int[] row) {
        left -= gain(row);
        for (int i = 0; i < row.length; i++) {
            for (int j = i + 1; j < row.length; j++) {
                missing[offsets[i] + row[i]].clear(offsets[j] + row[j]);
            }
        }
    }
}
