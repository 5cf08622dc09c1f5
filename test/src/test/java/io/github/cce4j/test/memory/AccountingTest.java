package io.github.cce4j.test.memory;

import static org.junit.jupiter.api.Assertions.assertEquals;

import io.github.cce4j.Backward;
import io.github.cce4j.CutCrossEntropy;
import io.github.cce4j.Device;
import io.github.cce4j.Forward;
import io.github.cce4j.Gradient;
import io.github.cce4j.Gradients;
import io.github.cce4j.MemoryPlan;
import io.github.cce4j.MemoryUsage;
import io.github.cce4j.Output;
import io.github.cce4j.test.Devices;
import io.github.cce4j.test.cases.Case;
import io.github.cce4j.test.cases.Case.Destination;
import io.github.cce4j.test.cases.Cases;
import io.github.cce4j.test.cases.Data;
import io.github.cce4j.test.contract.SafeCall;
import io.github.cce4j.test.contract.Uploaded;
import java.util.List;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.DynamicNode;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.TestFactory;

/** Memory is exactly what the plan and the results' own sizes add up to, and all of it comes back. */
@Tag("contract")
class AccountingTest {

    private static final long REPORT_BYTES = 32;

    @TestFactory
    Stream<DynamicNode> peaksAreThePlansToTheByte() {
        List<Case> all = Cases.all();
        List<Case> some = IntStream.range(0, all.size()).filter(i -> i % 4 == 0).mapToObj(all::get)
                .filter(c -> !c.gradients().isEmpty()).toList();
        return Devices.each("case", some, AccountingTest::check);
    }

    private static void check(Device device, Case c) {
        Data data = Data.of(c);
        CutCrossEntropy loss = c.configuration().build();
        try (Uploaded in = new Uploaded(device, c, data)) {
            MemoryPlan plan = loss.plan(in.inputs());
            MemoryUsage before = fresh(device);
            try (Forward forward = loss.forward(in.inputs())) {
                long kept = plan.stateBytes() + resultBytes(c);
                assertEquals(kept, device.memoryUsage().liveBytes() - before.liveBytes(), "what forward keeps");
                assertEquals(2, device.memoryUsage().totalAllocations() - before.totalAllocations(),
                        "allocations of forward: what it keeps, and its workspace");
                assertEquals(kept + plan.forwardWorkspaceBytes(), device.memoryUsage().peakBytes() - before.liveBytes(),
                        "the peak of forward");
                backward(device, c, data, in, forward, plan);
            }
        }
    }

    private static void backward(Device device, Case c, Data data, Uploaded in, Forward forward, MemoryPlan plan) {
        Backward request = SafeCall.request(c, data, in);
        MemoryUsage before = fresh(device);
        try (Gradients gradients = forward.backward(request)) {
            long report = SafeCall.wantsReport(c) ? REPORT_BYTES : 0;
            long made = (c.destination() == Destination.NEW ? gradientBytes(c) : 0) + report;
            assertEquals(made, device.memoryUsage().liveBytes() - before.liveBytes(), "what backward makes");
            assertEquals(made + plan.backwardWorkspaceBytes(), device.memoryUsage().peakBytes() - before.liveBytes(),
                    "the peak of backward");
            gradients.close();
            assertEquals(before.liveBytes(), device.memoryUsage().liveBytes(), "after the gradients are closed");
        }
    }

    private static MemoryUsage fresh(Device device) {
        device.resetPeakMemory();
        return device.memoryUsage();
    }

    private static long resultBytes(Case c) {
        return 4L * c.lossEntries() + 4L * c.rows() * 2 + (c.outputs().contains(Output.ARGMAX) ? 8L * c.rows() : 0)
                + (c.outputs().contains(Output.ENTROPY) ? 4L * c.rows() : 0);
    }

    private static long gradientBytes(Case c) {
        long bytes = 0;
        for (Gradient gradient : c.gradients()) {
            bytes += c.gradientDType(gradient).bytes() * switch (gradient) {
                case EMBEDDINGS -> (long) c.shape().tokens() * c.shape().hidden();
                case CLASSIFIER -> (long) c.shape().classes() * c.shape().hidden();
                case BIAS -> c.shape().classes();
            };
        }
        return bytes;
    }
}
