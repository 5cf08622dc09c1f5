package io.github.cce4j.internal.memory;

/**
 * Hands out the parts of one allocation, which is quicker than an allocation for each. There are no gaps between them:
 * what needs the most alignment has to be taken first.
 */
public final class Carver {
    private final Memory memory;
    private long bytes;

    private Carver(Memory memory) {
        this.memory = memory;
    }

    /** Only counts the bytes: its parts are null. */
    public static Carver counting() {
        return new Carver(null);
    }

    public static Carver of(Memory memory) {
        return new Carver(memory);
    }

    /** The next part, which lives as long as the memory. */
    public Memory take(long size) {
        long offset = bytes;
        bytes = Math.addExact(offset, size);
        return memory == null ? null : memory.slice(offset, size);
    }

    /** Of all parts so far. */
    public long bytes() {
        return bytes;
    }
}
