package io.github.cce4j.internal.memory;

import io.github.cce4j.internal.downcall.Codes;
import io.github.cce4j.internal.downcall.MemoryCalls;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.ref.Reference;
import java.util.Objects;
import java.util.concurrent.locks.LockSupport;
import java.util.function.Supplier;

/**
 * A piece of a device's memory: allocated by us, or borrowed from a segment of somebody else.
 *
 * <p>On the CPU its segment has the length of the memory, on CUDA none: Java can never dereference a device pointer.
 */
public final class Memory {
    private final int device;
    private final long bytes;
    private final MemorySegment segment;
    private final boolean borrowed;
    private final StreamUses streams;
    private final Resource resource;
    private final Memory whole; // that this is a slice of, or this
    private Exposure exposure; // of the whole alone, guarded by it; null until asked for

    private Memory(
            int device, long bytes, MemorySegment segment, boolean borrowed, StreamUses streams, Resource resource) {
        this.device = device;
        this.bytes = bytes;
        this.segment = segment;
        this.borrowed = borrowed;
        this.streams = streams;
        this.resource = resource;
        this.whole = this;
    }

    private Memory(Memory whole, long offset, long bytes) {
        this.device = whole.device;
        this.bytes = bytes;
        this.segment = whole.isOnCpu()
                ? whole.segment.asSlice(offset, bytes)
                : MemorySegment.ofAddress(whole.segment.address() + offset);
        this.borrowed = whole.borrowed;
        this.streams = whole.streams;
        this.resource = whole.resource;
        this.whole = whole;
    }

    /** New memory, contents undefined, for use in the order of a stream. */
    public static Memory allocate(int device, long bytes, NativeStream stream, Supplier<String> name) {
        StreamUses streams = new StreamUses();
        stream.acquire();
        MemorySegment pointer;
        try {
            pointer = MemoryCalls.allocate(device, bytes, stream.handle());
        } finally {
            stream.release();
        }
        streams.add(stream);
        Resource resource = Resource.owned(name, () -> free(device, pointer, stream, streams));
        MemorySegment segment = device == Codes.CPU ? pointer.reinterpret(bytes) : pointer;
        return new Memory(device, bytes, segment, false, streams, resource);
    }

    /** Somebody else's memory: all of a native segment on the CPU, {@code bytes} from a device pointer on CUDA. */
    public static Memory borrow(int device, long bytes, MemorySegment segment, Supplier<String> name) {
        StreamUses streams = new StreamUses();
        return new Memory(device, bytes, segment, true, streams, Resource.borrowed(name, streams::synchronize));
    }

    /** A part that lives as long: closing either closes both. */
    Memory slice(long offset, long size) {
        Objects.checkFromIndexSize(offset, size, bytes);
        return new Memory(whole, segment.address() - whole.segment.address() + offset, size);
    }

    /** What is queued on its own stream comes before the free; work on other streams has to be waited for. */
    private static void free(int device, MemorySegment pointer, NativeStream stream, StreamUses streams) {
        try {
            streams.synchronizeAllBut(stream);
        } finally {
            if (stream.acquireUnlessClosed()) {
                try {
                    MemoryCalls.free(device, pointer, stream.handle());
                } finally {
                    stream.release();
                }
            } else {
                MemoryCalls.free(device, pointer, MemorySegment.NULL);
            }
        }
    }

    public int device() {
        return device;
    }

    public boolean isOnCpu() {
        return device == Codes.CPU;
    }

    public long bytes() {
        return bytes;
    }

    public boolean isReadOnly() {
        return segment.isReadOnly();
    }

    public boolean isOpen() {
        return resource.isOpen() && segment.scope().isAlive();
    }

    /** Whether the two have a byte in common. */
    public boolean overlaps(Memory other) {
        long begin = segment.address();
        long otherBegin = other.segment.address();
        return device == other.device
                && Math.max(begin, otherBegin) < Math.min(begin + bytes, otherBegin + other.bytes);
    }

    /** Where it is. Only for use between {@link #acquire} and {@link #release}. */
    MemorySegment segment() {
        return segment;
    }

    /** Whether somebody else's arena decides how long it lives. */
    boolean isBorrowed() {
        return borrowed;
    }

    /** Keeps it alive until {@link #release}, for use by the calling thread. */
    void acquire() {
        resource.acquire();
        if (borrowed) {
            try {
                requireUsable();
            } catch (RuntimeException e) {
                resource.release();
                throw e;
            }
        }
    }

    /** The same, for work that goes to a stream and may still run after {@link #release}. */
    void acquire(NativeStream stream) {
        acquire();
        if (!isOnCpu()) {
            streams.add(stream);
        }
    }

    void release() {
        resource.release();
    }

    private void requireUsable() {
        if (!segment.scope().isAlive()) {
            throw new IllegalStateException(resource + " is closed: the arena of the segment that it views is");
        }
        if (!segment.isAccessibleBy(Thread.currentThread())) {
            throw new WrongThreadException(
                    resource + " views a segment of a confined arena that belongs to another thread than "
                            + Thread.currentThread());
        }
    }

    /** Throws what {@link #acquire} would throw. */
    public void requireOpen() {
        acquire();
        release();
    }

    /** Waits for all work that may read or write it. */
    void synchronize() {
        streams.synchronize();
    }

    /** Waits until new memory may be used on any stream. */
    public void settle() {
        if (!isOnCpu()) {
            synchronize();
        }
    }

    /**
     * A segment for code outside. On the CPU it dies with this memory and keeps it from being garbage, so that no use
     * of it can touch memory that was freed.
     */
    public MemorySegment expose() {
        acquire();
        try {
            if (!isOnCpu()) {
                return segment.asSlice(0, 0);
            }
            if (borrowed) {
                return segment;
            }
            return whole.exposed().asSlice(segment.address() - whole.segment.address(), bytes);
        } finally {
            release();
        }
    }

    private synchronized MemorySegment exposed() {
        if (exposure == null) {
            exposure = new Exposure(this);
        }
        return exposure.segment;
    }

    /** Waits until no call uses it, then frees it in the order of its stream; borrowed memory is idle afterwards. */
    public void close() {
        resource.close(whole::endExposure);
    }

    private synchronized void endExposure() {
        if (exposure != null) {
            exposure.close();
        }
    }

    /** The segment that code outside got. Its arena is made on demand, since closing a shared arena is dear. */
    private static final class Exposure {
        private final Arena arena = Arena.ofShared();
        private final MemorySegment segment;

        Exposure(Memory memory) {
            segment = memory.segment.reinterpret(
                    memory.bytes, arena, ignored -> Reference.reachabilityFence(memory));
        }

        void close() {
            while (true) {
                try {
                    arena.close();
                    return;
                } catch (IllegalStateException e) { // somebody's downcall is using it
                    LockSupport.parkNanos(100_000);
                }
            }
        }
    }
}
