package io.github.cce4j.cli;

import io.github.cce4j.Device;
import io.github.cce4j.DeviceProperties;
import io.github.cce4j.Library;
import java.util.List;

/** What {@code cce4j info} tells; memory in bytes. */
record InfoReport(String version, Java java, NativeLibrary library, int cpuThreads, List<DeviceReport> devices) {
    record Java(String version, String home) {
    }

    record NativeLibrary(String version, String path, String source) {
    }

    /** Null where a CPU has no such thing. */
    record DeviceReport(String device, String name, String kernels, String features, long totalMemory, long freeMemory,
                        Integer multiprocessors, String driver) {
    }

    static InfoReport collect() {
        Library library = Library.load();
        return new InfoReport(Version.read(),
                new Java(Runtime.version().toString(), System.getProperty("java.home")),
                new NativeLibrary(library.version(), library.path().toString(), library.source()),
                Library.cpuThreads(),
                Device.all().stream().map(InfoReport::describe).toList());
    }

    private static DeviceReport describe(Device device) {
        DeviceProperties properties = device.properties();
        int driver = properties.driverVersion();
        return new DeviceReport(device.toString(), device.name(), device.kernels(), device.features(),
                properties.totalMemory(), properties.freeMemory(),
                device.isCuda() ? properties.multiprocessors() : null,
                device.isCuda() ? "CUDA " + driver / 1000 + "." + driver % 1000 / 10 : null);
    }
}
