package io.github.cce4j;

import io.github.cce4j.internal.downcall.StreamCalls;
import io.github.cce4j.internal.memory.NativeStream;
import java.lang.foreign.MemorySegment;
import java.util.Objects;

/**
 * A queue of work on a device. What is put on one stream runs in that order; two streams know nothing of each other
 * unless an {@link Event} ties them.
 *
 * {@snippet class="io.github.cce4j.snippets.DeviceSnippets" region="stream"}
 *
 * <p>Only {@link CutCrossEntropy} and {@link Forward} leave work behind on a stream. All methods of {@link Tensor}
 * return when they are done, having waited for whatever still used the tensor.
 *
 * <p>Streams may be used by many threads at once.
 */
public final class Stream implements AutoCloseable {
    private final Device device;
    private final NativeStream stream;

    Stream(Device device, NativeStream stream) {
        this.device = device;
        this.stream = stream;
    }

    /**
     * Wraps the stream of another library, so that our work takes its place in the order of theirs. It is not owned:
     * closing the result does nothing, and the foreign stream must live until everything that was used on it is closed.
     * Nobody can check a handle: a wrong one can crash the process, as with any native library.
     *
     * @param device the stream's device
     * @param handle its {@code cudaStream_t}; {@link MemorySegment#NULL} is the default stream
     * @return the wrapped stream
     * @throws IllegalArgumentException if the device is the CPU and the handle is not NULL, or it is on the Java heap
     */
    public static Stream of(Device device, MemorySegment handle) {
        Objects.requireNonNull(device, "device");
        Objects.requireNonNull(handle, "handle");
        if (!handle.isNative()) {
            throw new IllegalArgumentException("handle must be a native address, but is on the Java heap");
        }
        if (!device.isCuda() && handle.address() != 0) {
            throw new IllegalArgumentException("the CPU has no stream but NULL, but handle is " + handle);
        }
        return new Stream(device, NativeStream.borrow(device.ordinal(), MemorySegment.ofAddress(handle.address())));
    }

    NativeStream nativeStream() {
        return stream;
    }

    /**
     * The device that the work runs on.
     *
     * @return the device
     */
    public Device device() {
        return device;
    }

    /**
     * The {@code cudaStream_t}, for other libraries.
     *
     * @return a segment without length; NULL for the default stream and on the CPU
     */
    public MemorySegment handle() {
        return stream.handle();
    }

    /**
     * Waits until all work that was put on this stream is done.
     *
     * @throws IllegalStateException if this stream is closed
     * @throws CceException with {@link Status#CUDA} if work failed
     */
    public void synchronize() {
        stream.acquire();
        try {
            StreamCalls.synchronizeStream(device.ordinal(), stream.handle());
        } finally {
            stream.release();
        }
    }

    /**
     * Marks this point of the stream.
     *
     * @return a new event, to be closed
     * @throws IllegalStateException if this stream is closed
     */
    public Event record() {
        stream.acquire();
        try {
            return Event.record(device, stream.handle());
        } finally {
            stream.release();
        }
    }

    /**
     * Makes work that is put on this stream from now on wait for an event, typically of another stream. The calling
     * thread does not wait.
     *
     * @param event an event of the same device
     * @throws IllegalArgumentException if the event is of another device
     * @throws IllegalStateException if this stream or the event is closed
     */
    public void waitFor(Event event) {
        Objects.requireNonNull(event, "event");
        if (!event.device().equals(device)) {
            throw new IllegalArgumentException("event must be of " + device + ", but is of " + event.device());
        }
        stream.acquire();
        try {
            event.delay(stream.handle());
        } finally {
            stream.release();
        }
    }

    /**
     * Waits for the work of this stream and destroys it. The default stream and foreign streams stay as they are.
     * Closing again does nothing.
     */
    @Override
    public void close() {
        stream.close();
    }

    @Override
    public String toString() {
        return "Stream 0x" + Long.toHexString(stream.handle().address()) + " of " + device;
    }
}
