package io.github.cce4j.test.contract;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.github.cce4j.DType;
import io.github.cce4j.Device;
import io.github.cce4j.test.Devices;
import io.github.cce4j.test.Seeds;
import io.github.cce4j.test.cases.Case;
import io.github.cce4j.test.cases.Case.Kept;
import io.github.cce4j.test.cases.Data;
import io.github.cce4j.test.cases.Filter;
import io.github.cce4j.test.cases.Shape;
import io.github.cce4j.test.oracle.Agreement;
import io.github.cce4j.test.oracle.Reference;
import io.github.cce4j.test.oracle.Result;
import java.util.Arrays;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.DynamicNode;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.TestFactory;

/** Kept logits change something where they apply, within their memory, and not one bit anywhere else. */
@Tag("contract")
@Tag("kernels")
class KeptLogitsTest {

    @TestFactory
    Stream<DynamicNode> applyWhereTheyAreSaidTo() {
        return Devices.each("case", cases(), KeptLogitsTest::check);
    }

    private static void check(Device device, Case c) {
        Data data = Data.of(c);
        Result computed = SafeCall.run(device, c, data);
        for (Kept kept : List.of(Kept.PART, Kept.ALL)) {
            Case keeping = c.with(kept);
            Result result = SafeCall.run(device, keeping, data);
            Agreement.check(keeping, data, Reference.of(device, keeping, data), result);
            assertArrayEquals(computed.loss(), result.loss(), "the loss");
            assertArrayEquals(computed.lse(), result.lse(), "the lse");
            if (keeping.keepsAllLogits(device)) {
                assertFalse(Arrays.equals(computed.embeddings(), result.embeddings()), "logits were kept for nothing");
            } else if (!c.with(Kept.ALL).keepsAllLogits(device)) {
                computed.requireSameBits(result);
            }
        }
    }

    @TestFactory
    Stream<DynamicNode> takeNoMoreThanTheyMay() {
        return Devices.each("case", cases(), (device, c) -> {
            try (Uploaded in = new Uploaded(device, c, Data.of(c))) {
                long before = 0;
                for (long bytes = 0; bytes < 1 << 20; bytes += 10_007) {
                    long state = c.configuration().keepLogits(bytes).build().plan(in.inputs()).stateBytes();
                    long least = c.configuration().build().plan(in.inputs()).stateBytes();
                    assertTrue(state >= before && state <= least + bytes, bytes + " bytes allowed: " + state);
                    if (!device.isCuda()) {
                        assertEquals(least, state, "the CPU keeps nothing");
                    }
                    before = state;
                }
            }
        });
    }

    private static List<Case> cases() {
        long seed = Seeds.random("kept logits").nextLong();
        return Stream.of(DType.F32, DType.F16, DType.BF16)
                .flatMap(dtype -> Stream.of(Shape.rows(150, 1031, 64), Shape.sequences(3, 20, 515, 72),
                                Shape.rows(70, 400, 33))
                        .flatMap(shape -> Stream.of(Case.plain(seed, shape, dtype),
                                Case.everything(seed, shape, dtype, Filter.NONE).with(Kept.NONE))))
                .toList();
    }
}
