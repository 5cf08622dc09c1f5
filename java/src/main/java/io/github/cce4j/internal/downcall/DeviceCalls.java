package io.github.cce4j.internal.downcall;

import io.github.cce4j.DeviceProperties;
import io.github.cce4j.MemoryUsage;
import io.github.cce4j.bindings.cce_device_properties;
import io.github.cce4j.bindings.cce_h;
import io.github.cce4j.bindings.cce_memory_usage;
import io.github.cce4j.internal.library.NativeLibrary;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

/** cce.h, "devices", and the books of "memory". A device is its number in cce.h. */
public final class DeviceCalls {
    private static final long TEXT_LENGTH = 1024;

    private DeviceCalls() {}

    public static int cudaCount() {
        NativeLibrary.load();
        return cce_h.cce_cuda_device_count();
    }

    public static DeviceProperties properties(int device) {
        NativeLibrary.load();
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment properties = arena.allocate(cce_device_properties.layout());
            cce_device_properties.struct_size(properties, properties.byteSize());
            Failure.check(cce_h.cce_device_query(device, properties));
            return new DeviceProperties(
                    cce_device_properties.total_memory(properties),
                    cce_device_properties.free_memory(properties),
                    cce_device_properties.compute_major(properties),
                    cce_device_properties.compute_minor(properties),
                    cce_device_properties.multiprocessors(properties),
                    cce_device_properties.driver_version(properties));
        }
    }

    public static void synchronize(int device) {
        NativeLibrary.load();
        Failure.check(cce_h.cce_device_synchronize(device));
    }

    public static String name(int device) {
        NativeLibrary.load();
        return text(device, cce_h.CCE_TEXT_NAME());
    }

    public static String kernels(int device) {
        NativeLibrary.load();
        return text(device, cce_h.CCE_TEXT_KERNELS());
    }

    public static String features(int device) {
        NativeLibrary.load();
        return text(device, cce_h.CCE_TEXT_FEATURES());
    }

    private static String text(int device, int what) {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment text = arena.allocate(TEXT_LENGTH);
            Failure.check(cce_h.cce_device_text(device, what, text, text.byteSize()));
            return text.getString(0);
        }
    }

    public static MemoryUsage memoryUsage(int device) {
        NativeLibrary.load();
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment usage = arena.allocate(cce_memory_usage.layout());
            cce_memory_usage.struct_size(usage, usage.byteSize());
            Failure.check(cce_h.cce_memory_query(device, usage));
            return new MemoryUsage(
                    cce_memory_usage.live_bytes(usage),
                    cce_memory_usage.peak_bytes(usage),
                    cce_memory_usage.live_allocations(usage),
                    cce_memory_usage.total_allocations(usage));
        }
    }

    public static void resetPeakMemory(int device) {
        NativeLibrary.load();
        Failure.check(cce_h.cce_memory_reset_peak(device));
    }

    public static int cpuThreads() {
        NativeLibrary.load();
        return cce_h.cce_cpu_threads();
    }

    public static void setCpuThreads(int threads) {
        NativeLibrary.load();
        Failure.check(cce_h.cce_cpu_set_threads(threads));
    }
}
