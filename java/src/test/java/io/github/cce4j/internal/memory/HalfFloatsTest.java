package io.github.cce4j.internal.memory;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.github.cce4j.DType;
import java.util.Random;
import org.junit.jupiter.api.Test;

class HalfFloatsTest {
    @Test
    void everyBFloat16SurvivesTheWayThroughFloat() {
        for (int bits = 0; bits < 1 << 16; bits++) {
            float value = HalfFloats.fromBFloat16((short) bits);
            short back = HalfFloats.toBFloat16(value);
            if (Float.isNaN(value)) {
                assertTrue(Float.isNaN(HalfFloats.fromBFloat16(back)));
            } else {
                assertEquals((short) bits, back);
            }
        }
    }

    @Test
    void bfloat16IsTheNearestAndEvenOfTwo() {
        long seed = System.nanoTime();
        Random random = new Random(seed);
        for (int i = 0; i < 1_000_000; i++) {
            int bits = random.nextInt();
            if (i % 4 == 0) {
                bits = bits & 0xffff0000 | 0x8000; // a tie
            }
            float value = Float.intBitsToFloat(bits);
            int below = bits >>> 16; // towards zero
            double low = HalfFloats.fromBFloat16((short) below);
            double high = HalfFloats.fromBFloat16((short) (below + 1));
            if (Float.isFinite(value) && Double.isFinite(high)) {
                double toLow = Math.abs(value - low);
                double toHigh = Math.abs(value - high);
                boolean isLow = toLow < toHigh || toLow == toHigh && below % 2 == 0;
                short nearest = (short) (isLow ? below : below + 1);
                assertEquals(nearest, HalfFloats.toBFloat16(value), value + ", seed " + seed);
            }
        }
    }

    @Test
    void extremesOfBFloat16() {
        assertEquals((short) 0x7f80, HalfFloats.toBFloat16(Float.MAX_VALUE), "beyond the largest is infinite");
        assertEquals((short) 0xff80, HalfFloats.toBFloat16(Float.NEGATIVE_INFINITY));
        assertEquals((short) 0x8000, HalfFloats.toBFloat16(-0.0f));
        float payloadBelow = Float.intBitsToFloat(0x7f800001);
        assertTrue(Float.isNaN(HalfFloats.fromBFloat16(HalfFloats.toBFloat16(payloadBelow))));
    }

    @Test
    void arrays() {
        float[] values = {1, -2.5f, 65504, 1e-7f};
        for (DType dtype : new DType[] {DType.F16, DType.BF16}) {
            short[] bits = HalfFloats.fromFloats(dtype, values);
            float[] back = new float[values.length];
            HalfFloats.toFloats(dtype, bits, back);
            for (int i = 0; i < values.length; i++) {
                assertEquals(values[i], back[i], 0.01 * Math.abs(values[i]) + 1e-7, dtype.toString());
            }
        }
        assertEquals((short) 0x3c00, HalfFloats.fromFloats(DType.F16, values)[0]);
        assertEquals((short) 0x3f80, HalfFloats.fromFloats(DType.BF16, values)[0]);
    }
}
