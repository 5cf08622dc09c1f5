package io.github.cce4j.internal.memory;

import io.github.cce4j.internal.downcall.Buffer;
import io.github.cce4j.internal.downcall.MemoryCalls;
import java.lang.foreign.MemorySegment;

/** Scratch of one call, given back in the order of its stream. The stream stays acquired meanwhile. */
public final class Workspace implements AutoCloseable {
    private final NativeStream stream;
    private final MemorySegment pointer;
    private final long bytes;

    public Workspace(NativeStream stream, long bytes) {
        this.stream = stream;
        this.bytes = bytes;
        this.pointer = MemoryCalls.allocate(stream.device(), bytes, stream.handle());
    }

    public Buffer buffer() {
        return new Buffer(pointer, bytes);
    }

    @Override
    public void close() {
        MemoryCalls.free(stream.device(), pointer, stream.handle());
    }
}
