package io.github.cce4j.internal.memory;

import java.util.ArrayList;
import java.util.List;

/** The streams of one device that may still have work to do on a piece of memory. */
final class StreamUses {
    private final List<NativeStream> streams = new ArrayList<>(1);

    synchronized void add(NativeStream stream) {
        streams.removeIf(NativeStream::isClosed);
        if (streams.stream().noneMatch(stream::isSameQueue)) {
            streams.add(stream);
        }
    }

    /** Waits for all of them. */
    void synchronize() {
        copy().forEach(NativeStream::synchronize);
    }

    /** Waits for all but one. */
    void synchronizeAllBut(NativeStream exempt) {
        copy().stream().filter(stream -> !stream.isSameQueue(exempt)).forEach(NativeStream::synchronize);
    }

    private synchronized List<NativeStream> copy() {
        return List.copyOf(streams);
    }
}
