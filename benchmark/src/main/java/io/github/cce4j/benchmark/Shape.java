package io.github.cce4j.benchmark;

/** Tokens N, classes V and hidden size D; as text NxVxD. */
public record Shape(long tokens, long classes, long hidden) {

    public static Shape parse(String text) {
        String[] parts = text.split("x");
        if (parts.length != 3) {
            throw new IllegalArgumentException("a shape is NxVxD, but is " + text);
        }
        return new Shape(Long.parseLong(parts[0]), Long.parseLong(parts[1]), Long.parseLong(parts[2]));
    }

    @Override
    public String toString() {
        return tokens + "x" + classes + "x" + hidden;
    }
}
