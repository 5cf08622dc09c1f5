package io.github.cce4j.snippets;

import io.github.cce4j.CutCrossEntropy;
import io.github.cce4j.Device;
import io.github.cce4j.DeviceProperties;
import io.github.cce4j.Event;
import io.github.cce4j.Forward;
import io.github.cce4j.Inputs;
import io.github.cce4j.Library;
import io.github.cce4j.MemoryUsage;
import io.github.cce4j.Stream;

/** The examples in the documentation of devices, streams and the library. */
final class DeviceSnippets {
    private DeviceSnippets() {}

    static Device best() {
        // @start region="best"
        Device device = Device.best(); // the first GPU, else the CPU
        System.out.println(device + ": " + device.name() + ", served by " + device.kernels());
        // @end
        return device;
    }

    static double freeShare(Device device) {
        // @start region="properties"
        DeviceProperties properties = device.properties();
        double freeShare = (double) properties.freeMemory() / properties.totalMemory();
        // @end
        return freeShare;
    }

    static long peak(Device device, Inputs inputs) {
        // @start region="memory"
        device.resetPeakMemory();
        long before = device.memoryUsage().liveBytes();
        try (Forward forward = CutCrossEntropy.create().forward(inputs)) {
            forward.backward().close();
        }
        MemoryUsage usage = device.memoryUsage();
        long needed = usage.peakBytes() - before; // gradients included, to the byte
        // @end
        return needed;
    }

    static float stream(Device device, Inputs inputs) {
        // @start region="stream"
        try (Stream stream = device.newStream()) {
            CutCrossEntropy loss = CutCrossEntropy.builder().stream(stream).build();
            try (Forward forward = loss.forward(inputs)) { // on CUDA: queued, not done
                return forward.item(); // waits for the stream
            }
        }
        // @end
    }

    static double event(Device device, CutCrossEntropy loss, Inputs inputs) {
        // @start region="event"
        Stream stream = device.defaultStream();
        try (Event start = stream.record();
                Forward forward = loss.forward(inputs);
                Event end = stream.record()) {
            return end.millisecondsSince(start); // time on the device
        }
        // @end
    }

    static String library() {
        // @start region="library"
        Library library = Library.load(); // throws at once if something is amiss
        System.out.println(library.version() + " from " + library.path() + ", " + Library.cpuThreads() + " threads");
        // @end
        return library.toString();
    }
}
