package io.github.cce4j.internal.downcall;

import io.github.cce4j.CceException;
import io.github.cce4j.bindings.cce_h;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

/** Turns the status of a downcall into an exception with the library's words. */
final class Failure {
    private static final long USUAL_LENGTH = 1024;

    private Failure() {}

    /** To be called right after the downcall, on its thread: the message is kept per thread. */
    static void check(int status) {
        if (status != cce_h.CCE_OK()) {
            throw new CceException(Codes.status(status), message(USUAL_LENGTH));
        }
    }

    private static String message(long capacity) {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment text = arena.allocate(capacity);
            long length = cce_h.cce_last_error(text, capacity);
            return length < capacity ? text.getString(0) : message(length + 1);
        }
    }
}
