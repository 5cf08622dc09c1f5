package io.github.cce4j.test.contract;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.github.cce4j.CutCrossEntropy;
import io.github.cce4j.DType;
import io.github.cce4j.Event;
import io.github.cce4j.Stream;
import io.github.cce4j.Tensor;
import io.github.cce4j.Forward;
import io.github.cce4j.Gradients;
import io.github.cce4j.test.Devices;
import io.github.cce4j.test.Seeds;
import io.github.cce4j.test.cases.Case;
import io.github.cce4j.test.cases.Data;
import io.github.cce4j.test.cases.Shape;
import io.github.cce4j.test.oracle.Result;
import org.junit.jupiter.api.DynamicNode;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.TestFactory;

/** Order of work: what is read is complete, whatever stream made it, and memory is reused only behind its users. */
@Tag("contract")
class StreamsTest {

    private static final Case CASE = Case.plain(Seeds.random("streams").nextLong(), Shape.rows(256, 3001, 96),
            DType.F32);

    @TestFactory
    java.util.stream.Stream<DynamicNode> resultsAreCompleteWhenRead() {
        return Devices.each(device -> {
            Data data = Data.of(CASE);
            Result expected = SafeCall.run(device, CASE, data);
            try (Stream stream = device.newStream(); Uploaded in = new Uploaded(device, CASE, data)) {
                CutCrossEntropy loss = CASE.configuration().stream(stream).build();
                for (int i = 0; i < 20; i++) {
                    try (Forward forward = loss.forward(in.inputs()); Gradients gradients = forward.backward()) {
                        assertArrayEquals(expected.classifier(), gradients.classifier().toFloats());
                        assertArrayEquals(expected.loss(), forward.loss().toFloats());
                    }
                }
            }
        });
    }

    /** Results and scratch of one call go back to the allocator while its stream still works on them. */
    @TestFactory
    java.util.stream.Stream<DynamicNode> memoryIsReusedBehindItsUsers() {
        return Devices.each(device -> {
            Data data = Data.of(CASE);
            Result expected = SafeCall.run(device, CASE, data);
            try (Stream one = device.newStream(); Stream other = device.newStream();
                    Uploaded in = new Uploaded(device, CASE, data)) {
                for (int i = 0; i < 20; i++) {
                    CutCrossEntropy loss = CASE.configuration().stream(i % 2 == 0 ? one : other).build();
                    loss.forward(in.inputs()).close();
                    Gradients gradients;
                    try (Forward forward = loss.forward(in.inputs())) {
                        gradients = forward.backward();
                    }
                    try (gradients) {
                        assertArrayEquals(expected.embeddings(), gradients.embeddings().toFloats());
                    }
                }
            }
        });
    }

    @TestFactory
    java.util.stream.Stream<DynamicNode> eventsTieStreamsTogether() {
        return Devices.each(device -> {
            Data data = Data.of(CASE);
            try (Stream one = device.newStream(); Stream other = device.newStream();
                    Uploaded in = new Uploaded(device, CASE, data); Event start = one.record();
                    Forward forward = CASE.configuration().stream(one).build().forward(in.inputs());
                    Event end = one.record()) {
                other.waitFor(end);
                other.synchronize();
                double milliseconds = end.millisecondsSince(start);
                assertTrue(milliseconds >= 0 && milliseconds < 60_000, () -> milliseconds + " ms");
                assertEquals(forward.lse().elements(), CASE.rows());
                end.synchronize();
                device.synchronize();
            }
        });
    }

    @TestFactory
    java.util.stream.Stream<DynamicNode> aForeignHandleIsAStream() {
        return Devices.each(device -> {
            Data data = Data.of(CASE);
            Result expected = SafeCall.run(device, CASE, data);
            try (Stream owner = device.newStream(); Stream foreign = Stream.of(device, owner.handle())) {
                expected.requireSameBits(SafeCall.run(device, CASE, data,
                        CASE.configuration().stream(foreign).build()));
                foreign.close();
                owner.synchronize();
            }
        });
    }

    @TestFactory
    java.util.stream.Stream<DynamicNode> tensorsCanComeAndGoWhileWorkIsQueued() {
        return Devices.each(device -> {
            Data data = Data.of(CASE);
            Result expected = SafeCall.run(device, CASE, data);
            try (Stream stream = device.newStream()) {
                CutCrossEntropy loss = CASE.configuration().stream(stream).build();
                for (int i = 0; i < 10; i++) {
                    Forward forward;
                    try (Uploaded in = new Uploaded(device, CASE, data)) {
                        forward = loss.forward(in.inputs());
                    }
                    try (forward; Tensor other = Tensor.zeros(device, DType.F32, 1 << 20)) {
                        assertArrayEquals(expected.lse(), forward.lse().toFloats());
                    }
                }
            }
        });
    }
}
