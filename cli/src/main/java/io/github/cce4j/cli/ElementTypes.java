package io.github.cce4j.cli;

import io.github.cce4j.DType;
import io.github.cce4j.cli.safetensors.ElementType;
import java.util.Optional;

/** The library's data types and the file format's. */
public final class ElementTypes {
    private ElementTypes() {
    }

    static Optional<DType> toDType(ElementType type) {
        return switch (type) {
            case F32 -> Optional.of(DType.F32);
            case F16 -> Optional.of(DType.F16);
            case BF16 -> Optional.of(DType.BF16);
            case I32 -> Optional.of(DType.I32);
            case I64 -> Optional.of(DType.I64);
            default -> Optional.empty();
        };
    }

    public static ElementType of(DType dtype) {
        return switch (dtype) {
            case F32 -> ElementType.F32;
            case F16 -> ElementType.F16;
            case BF16 -> ElementType.BF16;
            case I32 -> ElementType.I32;
            case I64 -> ElementType.I64;
        };
    }
}
