package io.github.cce4j.benchmark.filter;

import io.github.cce4j.GradientFilter;
import picocli.CommandLine.TypeConversionException;

/** A filter to train with, and its name in the table. */
record StudiedFilter(String name, GradientFilter filter) {

    /** {@code none}, or a threshold, or a threshold and a limit of the dropped mass with a colon between them. */
    static StudiedFilter parse(String text) {
        if (text.equals("none")) {
            return new StudiedFilter("none, exact", GradientFilter.none());
        }
        String[] parts = text.split(":", 2);
        try {
            GradientFilter filter = GradientFilter.of(Double.parseDouble(parts[0]));
            return parts.length == 1
                    ? new StudiedFilter(parts[0], filter)
                    : new StudiedFilter(
                            parts[0] + ", maxDroppedMass " + parts[1],
                            filter.maxDroppedMass(Double.parseDouble(parts[1])));
        } catch (IllegalArgumentException e) {
            throw new TypeConversionException("'" + text + "' is not none, EPS or EPS:LIMIT");
        }
    }
}
