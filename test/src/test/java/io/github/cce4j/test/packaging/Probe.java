package io.github.cce4j.test.packaging;

import io.github.cce4j.CceException;
import io.github.cce4j.DType;
import io.github.cce4j.Device;
import io.github.cce4j.Library;
import io.github.cce4j.Tensor;

/** What the tests of loading run in a fresh JVM, given the first argument. */
public final class Probe {

    static final String PROPERTY = "io.github.cce4j.library";

    private Probe() {}

    public static void main(String[] arguments) throws InterruptedException {
        switch (arguments[0]) {
            case "load" -> load();
            case "fail" -> fail();
            case "fail-then-load" -> failThenLoad(arguments[1]);
            case "forget" -> forget(Integer.parseInt(arguments[1]));
            default -> throw new IllegalArgumentException(arguments[0]);
        }
    }

    private static void load() {
        Library library = Library.load();
        try (Tensor tensor = Tensor.copyOf(Device.cpu(), new float[] {1, 2, 3}, 3)) {
            System.out.println("version " + library.version());
            System.out.println("path " + library.path());
            System.out.println("source " + library.source());
            System.out.println("sum " + (tensor.toFloats()[0] + tensor.toFloats()[2]));
        }
    }

    private static void fail() {
        try {
            Device.cpu().memoryUsage();
            throw new AssertionError("the library was loaded from " + Library.load().path());
        } catch (CceException e) {
            System.out.println("status " + e.status());
            System.out.println(e.getMessage());
        }
    }

    private static void failThenLoad(String good) {
        fail();
        System.setProperty(PROPERTY, good);
        load();
    }

    /** Waits until the garbage collector has freed so many tensors that nobody closed. */
    private static void forget(int count) throws InterruptedException {
        for (int i = 0; i < count; i++) {
            Tensor.allocate(Device.cpu(), DType.F32, 1000);
        }
        System.out.println("live " + Device.cpu().memoryUsage().liveBytes());
        for (int i = 0; i < 200 && Library.cleanedCount() < count; i++) {
            System.gc();
            Thread.sleep(25);
        }
        System.out.println("cleaned " + Library.cleanedCount());
        System.out.println("left " + Device.cpu().memoryUsage().liveBytes());
    }
}
