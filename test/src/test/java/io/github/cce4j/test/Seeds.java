package io.github.cce4j.test;

import java.util.Random;

/** The seed of a run: fresh each time, printed, and given again with {@code -Dcce4j.seed=}. */
public final class Seeds {

    public static final String PROPERTY = "cce4j.seed";

    public static final long SEED = Long.getLong(PROPERTY, new Random().nextInt(1 << 30));

    static {
        System.out.println(hint());
    }

    private Seeds() {}

    /** A generator of its own for each use, so that tests can run alone or in any order. */
    public static Random random(String use) {
        return new Random(SEED * 31 + use.hashCode());
    }

    public static String hint() {
        return "-D" + PROPERTY + "=" + SEED;
    }
}
