package io.github.cce4j.test;

import io.github.cce4j.Device;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.Collectors;
import org.junit.platform.engine.TestExecutionResult;
import org.junit.platform.launcher.TestExecutionListener;
import org.junit.platform.launcher.TestIdentifier;
import org.junit.platform.launcher.TestPlan;

/** Says at the end of a run what it ran on, and what it did not run and why. */
public final class Summary implements TestExecutionListener {

    private final Map<String, Integer> skipped = new TreeMap<>();
    private int passed;
    private int failed;

    @Override
    public void executionSkipped(TestIdentifier test, String reason) {
        skipped.merge(reason, 1, Integer::sum);
    }

    @Override
    public void executionFinished(TestIdentifier test, TestExecutionResult result) {
        switch (result.getStatus()) {
            case SUCCESSFUL -> passed += test.isTest() ? 1 : 0;
            case FAILED -> failed++;
            case ABORTED -> skipped.merge(reason(result), 1, Integer::sum);
        }
    }

    @Override
    public void testPlanExecutionFinished(TestPlan plan) {
        String devices = Devices.tested().stream().map(device -> device + " (" + device.kernels() + ")")
                .collect(Collectors.joining(", "));
        System.out.println("CUDA devices: " + Device.cudaCount() + "; ran on: " + devices
                + "; not run for want of a CUDA device: " + Devices.missedOnCuda() + " tests; passed " + passed
                + ", failed " + failed + "; " + Seeds.hint());
        skipped.remove(Devices.NO_CUDA_DEVICE);
        skipped.forEach((reason, count) -> System.out.println("skipped " + count + ": " + reason));
    }

    private static String reason(TestExecutionResult result) {
        return result.getThrowable().map(Throwable::getMessage).orElse("no reason given");
    }
}
