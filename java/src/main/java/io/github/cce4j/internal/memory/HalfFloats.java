package io.github.cce4j.internal.memory;

import io.github.cce4j.DType;

/** Conversions between float and the bits of 16-bit floats, rounded to nearest, ties to even; a NaN stays one. */
public final class HalfFloats {
    private HalfFloats() {}

    /** {@code dtype} is F16 or BF16. */
    public static short[] fromFloats(DType dtype, float[] values) {
        short[] bits = new short[values.length];
        for (int i = 0; i < values.length; i++) {
            bits[i] = dtype == DType.F16 ? Float.floatToFloat16(values[i]) : toBFloat16(values[i]);
        }
        return bits;
    }

    /** {@code dtype} is F16 or BF16. */
    public static void toFloats(DType dtype, short[] bits, float[] values) {
        for (int i = 0; i < bits.length; i++) {
            values[i] = dtype == DType.F16 ? Float.float16ToFloat(bits[i]) : fromBFloat16(bits[i]);
        }
    }

    static short toBFloat16(float value) {
        int bits = Float.floatToRawIntBits(value);
        if (Float.isNaN(value)) {
            return (short) (bits >>> 16 | 0x40); // a payload in the lower half alone must not become an infinity
        }
        int tiesToEven = 0x7fff + (bits >>> 16 & 1);
        return (short) (bits + tiesToEven >>> 16);
    }

    static float fromBFloat16(short bits) {
        return Float.intBitsToFloat(bits << 16);
    }
}
