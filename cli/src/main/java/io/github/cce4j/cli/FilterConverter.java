package io.github.cce4j.cli;

import io.github.cce4j.GradientFilter;
import picocli.CommandLine.ITypeConverter;
import picocli.CommandLine.TypeConversionException;

/** {@code none}, {@code auto} or a threshold. */
final class FilterConverter implements ITypeConverter<GradientFilter> {
    @Override
    public GradientFilter convert(String text) {
        return switch (text) {
            case "none" -> GradientFilter.none();
            case "auto" -> GradientFilter.auto();
            default -> threshold(text);
        };
    }

    private static GradientFilter threshold(String text) {
        try {
            return GradientFilter.of(Double.parseDouble(text));
        } catch (IllegalArgumentException e) {
            throw new TypeConversionException("'" + text + "' is not none, auto or a threshold in [0, 1)");
        }
    }
}
