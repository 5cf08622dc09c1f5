package io.github.cce4j.test.contract;

import static org.junit.jupiter.api.Assertions.assertFalse;

import io.github.cce4j.DType;
import io.github.cce4j.Device;
import io.github.cce4j.test.Devices;
import io.github.cce4j.test.Seeds;
import io.github.cce4j.test.cases.Case;
import io.github.cce4j.test.cases.Data;
import io.github.cce4j.test.cases.Filter;
import io.github.cce4j.test.cases.Shape;
import io.github.cce4j.test.oracle.Result;
import java.util.Arrays;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.DynamicNode;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.TestFactory;

/** The permission to use TF32 changes something where it applies, and not one bit anywhere else. */
@Tag("contract")
@Tag("kernels")
class Tf32Test {

    @TestFactory
    Stream<DynamicNode> appliesWhereItIsSaidTo() {
        return Devices.each("case", cases(), Tf32Test::check);
    }

    private static void check(Device device, Case c) {
        Data data = Data.of(c);
        Result allowed = SafeCall.run(device, c, data);
        Result full = SafeCall.run(device, c, data, c.configuration().allowTf32(false).build());
        if (c.runsInTf32(device)) {
            assertFalse(Arrays.equals(full.lse(), allowed.lse()), "TF32 was allowed and not used");
        } else {
            full.requireSameBits(allowed);
        }
    }

    /** Rows of 64 floats begin at multiples of 16 bytes, those of 33 do not. */
    private static List<Case> cases() {
        long seed = Seeds.random("tf32").nextLong();
        return Stream.of(DType.F32, DType.F16, DType.BF16)
                .flatMap(dtype -> Stream.of(Shape.rows(150, 1031, 64), Shape.sequences(3, 20, 515, 33))
                        .map(shape -> Case.everything(seed, shape, dtype, Filter.NONE)))
                .toList();
    }
}
