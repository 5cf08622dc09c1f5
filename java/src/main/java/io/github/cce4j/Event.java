package io.github.cce4j;

import io.github.cce4j.internal.downcall.StreamCalls;
import io.github.cce4j.internal.memory.Resource;
import java.lang.foreign.MemorySegment;
import java.util.Objects;

/**
 * A point in the work of a {@link Stream}: to wait for, to order streams by, and to measure time on the device.
 *
 * {@snippet class="io.github.cce4j.snippets.DeviceSnippets" region="event"}
 *
 * <p>Events may be used by many threads at once.
 */
public final class Event implements AutoCloseable {
    private final Device device;
    private final MemorySegment handle;
    private final Resource resource;

    private Event(Device device) {
        int number = device.ordinal();
        MemorySegment created = StreamCalls.createEvent(number);
        this.device = device;
        this.handle = created;
        this.resource = Resource.owned(() -> "an Event of " + device, () -> StreamCalls.destroyEvent(number, created));
    }

    static Event record(Device device, MemorySegment stream) {
        Event event = new Event(device);
        try {
            StreamCalls.recordEvent(device.ordinal(), event.handle, stream);
            return event;
        } catch (Throwable e) {
            event.close();
            throw e;
        }
    }

    Device device() {
        return device;
    }

    void delay(MemorySegment stream) {
        resource.acquire();
        try {
            StreamCalls.waitForEvent(device.ordinal(), handle, stream);
        } finally {
            resource.release();
        }
    }

    /**
     * The time between two events on their device. Waits for both.
     *
     * @param start the earlier event, of the same device
     * @return milliseconds from {@code start} to this event
     * @throws IllegalArgumentException if {@code start} is of another device
     * @throws IllegalStateException if one of them is closed
     */
    public double millisecondsSince(Event start) {
        Objects.requireNonNull(start, "start");
        if (!start.device.equals(device)) {
            throw new IllegalArgumentException("start must be of " + device + ", but is of " + start.device);
        }
        start.resource.acquire();
        try {
            start.synchronize();
            synchronize();
            resource.acquire();
            try {
                return StreamCalls.elapsedMilliseconds(device.ordinal(), start.handle, handle);
            } finally {
                resource.release();
            }
        } finally {
            start.resource.release();
        }
    }

    /**
     * Waits until the work before this event is done.
     *
     * @throws IllegalStateException if this event is closed
     * @throws CceException with {@link Status#CUDA} if work failed
     */
    public void synchronize() {
        resource.acquire();
        try {
            StreamCalls.synchronizeEvent(device.ordinal(), handle);
        } finally {
            resource.release();
        }
    }

    /** Destroys this event; streams that wait for it still do. Closing again does nothing. */
    @Override
    public void close() {
        resource.close();
    }
}
