package io.github.cce4j.test.contract;

import io.github.cce4j.Device;
import io.github.cce4j.test.Devices;
import io.github.cce4j.test.cases.Case;
import io.github.cce4j.test.cases.Cases;
import io.github.cce4j.test.cases.Data;
import io.github.cce4j.test.oracle.Agreement;
import io.github.cce4j.test.oracle.Reference;
import io.github.cce4j.test.oracle.Result;
import java.util.stream.Stream;
import org.junit.jupiter.api.DynamicNode;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.TestFactory;

/** Every option on every device, against the formulas in double precision; the same bits through Java and through C. */
@Tag("contract")
@Tag("kernels")
class ContractTest {

    @TestFactory
    Stream<DynamicNode> agreesWithTheReference() {
        return Devices.each("case", Cases.all(), ContractTest::check);
    }

    private static void check(Device device, Case c) {
        Data data = Data.of(c);
        Result safe = SafeCall.run(device, c, data);
        Agreement.check(c, data, Reference.of(device, c, data), safe);
        safe.requireSameBits(RawCall.run(device, c, data));
    }
}
