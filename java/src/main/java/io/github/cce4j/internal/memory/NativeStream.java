package io.github.cce4j.internal.memory;

import io.github.cce4j.internal.downcall.StreamCalls;
import java.lang.foreign.MemorySegment;

/** A device's stream: the default one, one of ours, or a foreign one. */
public final class NativeStream {
    private final int device;
    private final MemorySegment handle;
    private final Resource resource;

    private NativeStream(int device, MemorySegment handle, Resource resource) {
        this.device = device;
        this.handle = handle;
        this.resource = resource;
    }

    /** A stream of our own. Closing it waits for its work. */
    public static NativeStream create(int device, String name) {
        MemorySegment handle = StreamCalls.createStream(device);
        Resource resource = Resource.owned(() -> name, () -> {
            try {
                StreamCalls.synchronizeStream(device, handle);
            } finally {
                StreamCalls.destroyStream(device, handle);
            }
        });
        return new NativeStream(device, handle, resource);
    }

    /** A stream that is not ours to destroy: the default one (NULL) or a foreign one. It is never closed. */
    public static NativeStream borrow(int device, MemorySegment handle) {
        return new NativeStream(device, handle, null);
    }

    public int device() {
        return device;
    }

    public MemorySegment handle() {
        return handle;
    }

    public void acquire() {
        if (resource != null) {
            resource.acquire();
        }
    }

    public void release() {
        if (resource != null) {
            resource.release();
        }
    }

    public boolean isOpen() {
        return resource == null || resource.isOpen();
    }

    public void close() {
        if (resource != null) {
            resource.close();
        }
    }

    /** Whether all of its work is done for good. */
    boolean isClosed() {
        return resource != null && resource.isClosed();
    }

    /** As {@link #acquire}, but returns false for a stream that is closed, when all of its work is done. */
    boolean acquireUnlessClosed() {
        return resource == null || resource.acquireUnlessClosed();
    }

    /** Waits for the work that was put on it; a closed one has none. */
    public void synchronize() {
        if (acquireUnlessClosed()) {
            try {
                StreamCalls.synchronizeStream(device, handle);
            } finally {
                release();
            }
        }
    }

    /** Whether work on the other comes after work on this one without further ado. */
    boolean isSameQueue(NativeStream other) {
        return this == other
                || resource == null && other.resource == null && handle.address() == other.handle.address();
    }
}
