package io.github.cce4j.test;

import static org.junit.jupiter.api.DynamicContainer.dynamicContainer;
import static org.junit.jupiter.api.DynamicTest.dynamicTest;

import io.github.cce4j.Device;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.function.BiConsumer;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.DynamicNode;
import org.junit.jupiter.api.function.ThrowingConsumer;
import org.opentest4j.TestAbortedException;

/**
 * The devices that a run tests: all there are, or those named by {@code -Dcce4j.devices=cpu,cuda:0}. Tests that would
 * run on a CUDA device where there is none are counted, so that the log can say what did not run.
 */
public final class Devices {

    public static final String PROPERTY = "cce4j.devices";

    static final String NO_CUDA_DEVICE = "no CUDA device";

    private static int missedOnCuda;

    private Devices() {}

    public static List<Device> tested() {
        String chosen = System.getProperty(PROPERTY);
        return chosen == null ? Device.all() : Arrays.stream(chosen.split(",")).map(Device::parse).toList();
    }

    /** The CUDA devices that a run tests. */
    public static List<Device> cuda() {
        return tested().stream().filter(Device::isCuda).toList();
    }

    /** How many tests had no CUDA device to run on. */
    static int missedOnCuda() {
        return missedOnCuda;
    }

    /** One test on every device. */
    public static Stream<DynamicNode> each(ThrowingConsumer<Device> test) {
        return nodes(tested(), "", List.of(""), (device, nothing) -> accept(test, device));
    }

    /** One test on every CUDA device. */
    public static Stream<DynamicNode> eachCuda(ThrowingConsumer<Device> test) {
        return nodes(cuda(), "", List.of(""), (device, nothing) -> accept(test, device));
    }

    /** One test on every device for every one of the cases. */
    public static <T> Stream<DynamicNode> each(String name, List<T> cases, BiConsumer<Device, T> test) {
        return nodes(tested(), name, cases, test);
    }

    /** As {@link #each(String, List, BiConsumer)}, but on CUDA devices alone. */
    public static <T> Stream<DynamicNode> eachCuda(String name, List<T> cases, BiConsumer<Device, T> test) {
        return nodes(cuda(), name, cases, test);
    }

    private static <T> Stream<DynamicNode> nodes(
            List<Device> devices, String name, List<T> cases, BiConsumer<Device, T> test) {
        List<DynamicNode> nodes = new ArrayList<>();
        for (Device device : devices) {
            nodes.add(dynamicContainer(device.toString(), IntStream.range(0, cases.size()).mapToObj(i -> dynamicTest(
                    name(device, name, i, cases), () -> run(test, device, cases.get(i))))));
        }
        if (System.getProperty(PROPERTY) == null && Device.cudaCount() == 0) {
            missedOnCuda += cases.size();
            nodes.add(dynamicTest(NO_CUDA_DEVICE + ": " + cases.size() + " tests",
                    () -> Assumptions.abort(NO_CUDA_DEVICE)));
        }
        return nodes.stream();
    }

    private static String name(Device device, String name, int index, List<?> cases) {
        return cases.size() == 1 ? device.toString() : device + " " + name + " " + index + " " + cases.get(index);
    }

    /** A failure says all that is needed to see it again. */
    private static <T> void run(BiConsumer<Device, T> test, Device device, T data) {
        try {
            test.accept(device, data);
        } catch (TestAbortedException e) {
            throw e;
        } catch (RuntimeException | Error e) {
            throw new AssertionError(e + "\n  on " + device + " (" + device.kernels() + ")\n  " + data + "\n  "
                    + Seeds.hint(), e);
        }
    }

    private static void accept(ThrowingConsumer<Device> test, Device device) {
        try {
            test.accept(device);
        } catch (RuntimeException | Error e) {
            throw e;
        } catch (Throwable e) {
            throw new AssertionError(e);
        }
    }
}
