package io.github.cce4j.internal.downcall;

import io.github.cce4j.bindings.cce_h;
import io.github.cce4j.internal.library.NativeLibrary;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/** cce.h, "streams and events". */
public final class StreamCalls {
    private StreamCalls() {}

    public static MemorySegment createStream(int device) {
        NativeLibrary.load();
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment stream = arena.allocate(ValueLayout.ADDRESS);
            Failure.check(cce_h.cce_stream_create(device, stream));
            return stream.get(ValueLayout.ADDRESS, 0);
        }
    }

    public static void destroyStream(int device, MemorySegment stream) {
        NativeLibrary.load();
        Failure.check(cce_h.cce_stream_destroy(device, stream));
    }

    public static void synchronizeStream(int device, MemorySegment stream) {
        NativeLibrary.load();
        Failure.check(cce_h.cce_stream_synchronize(device, stream));
    }

    public static MemorySegment createEvent(int device) {
        NativeLibrary.load();
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment event = arena.allocate(ValueLayout.ADDRESS);
            Failure.check(cce_h.cce_event_create(device, event));
            return event.get(ValueLayout.ADDRESS, 0);
        }
    }

    public static void destroyEvent(int device, MemorySegment event) {
        NativeLibrary.load();
        Failure.check(cce_h.cce_event_destroy(device, event));
    }

    public static void recordEvent(int device, MemorySegment event, MemorySegment stream) {
        NativeLibrary.load();
        Failure.check(cce_h.cce_event_record(device, event, stream));
    }

    public static void synchronizeEvent(int device, MemorySegment event) {
        NativeLibrary.load();
        Failure.check(cce_h.cce_event_synchronize(device, event));
    }

    public static void waitForEvent(int device, MemorySegment event, MemorySegment stream) {
        NativeLibrary.load();
        Failure.check(cce_h.cce_event_wait(device, event, stream));
    }

    public static float elapsedMilliseconds(int device, MemorySegment start, MemorySegment end) {
        NativeLibrary.load();
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment milliseconds = arena.allocate(ValueLayout.JAVA_FLOAT);
            Failure.check(cce_h.cce_event_elapsed(device, start, end, milliseconds));
            return milliseconds.get(ValueLayout.JAVA_FLOAT, 0);
        }
    }
}
