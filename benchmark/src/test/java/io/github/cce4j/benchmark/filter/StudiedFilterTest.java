package io.github.cce4j.benchmark.filter;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import io.github.cce4j.GradientFilter;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import picocli.CommandLine.TypeConversionException;

class StudiedFilterTest {

    @Test
    void thresholdAndLimitAreApartByAColon() {
        assertEquals(GradientFilter.none(), StudiedFilter.parse("none").filter());
        assertEquals(GradientFilter.of(0x1p-12), StudiedFilter.parse("0x1p-12").filter());
        assertEquals(
                new StudiedFilter("0.01, maxDroppedMass 0.5", GradientFilter.of(0.01).maxDroppedMass(0.5)),
                StudiedFilter.parse("0.01:0.5"));
    }

    @ParameterizedTest
    @ValueSource(strings = {"", "some", "2", "0.1:", "0.1:-1", "0.1:0.1:0.1"})
    void theRestIsRefused(String text) {
        assertThrows(TypeConversionException.class, () -> StudiedFilter.parse(text));
    }
}
