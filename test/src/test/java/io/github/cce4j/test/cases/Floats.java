package io.github.cce4j.test.cases;

import io.github.cce4j.DType;

/** Rounding to the 16-bit formats and TF32, written apart from the product's own so that neither trusts the other. */
public final class Floats {

    private Floats() {}

    public static short toBits(DType dtype, float value) {
        return switch (dtype) {
            case F16 -> Float.floatToFloat16(value);
            case BF16 -> toBfloat16(value);
            default -> throw new IllegalArgumentException(dtype + " has no 16-bit pattern");
        };
    }

    public static float fromBits(DType dtype, short bits) {
        return switch (dtype) {
            case F16 -> Float.float16ToFloat(bits);
            case BF16 -> Float.intBitsToFloat(bits << 16);
            default -> throw new IllegalArgumentException(dtype + " has no 16-bit pattern");
        };
    }

    /** The nearest value that the dtype has. */
    public static float round(DType dtype, float value) {
        return dtype == DType.F32 ? value : fromBits(dtype, toBits(dtype, value));
    }

    /** The nearest of 11 significant bits, ties away from zero. */
    public static float roundToTf32(float value) {
        return Float.intBitsToFloat(Float.floatToRawIntBits(value) + 0x1000 & 0xffffe000);
    }

    public static short[] toBits(DType dtype, float[] values) {
        short[] bits = new short[values.length];
        for (int i = 0; i < values.length; i++) {
            bits[i] = toBits(dtype, values[i]);
        }
        return bits;
    }

    /** To nearest, ties to even; a NaN stays one. */
    private static short toBfloat16(float value) {
        if (Float.isNaN(value)) {
            return (short) 0x7fc0;
        }
        int bits = Float.floatToRawIntBits(value);
        int tie = bits >>> 16 & 1;
        return (short) (bits + 0x7fff + tie >>> 16);
    }
}
