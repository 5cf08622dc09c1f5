package io.github.cce4j.internal.downcall;

import io.github.cce4j.bindings.cce_h;
import io.github.cce4j.internal.library.NativeLibrary;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/** cce.h, "memory". */
public final class MemoryCalls {
    private MemoryCalls() {}

    /** The address of new memory, as a segment of no length. */
    public static MemorySegment allocate(int device, long bytes, MemorySegment stream) {
        NativeLibrary.load();
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment pointer = arena.allocate(ValueLayout.ADDRESS);
            Failure.check(cce_h.cce_allocate(device, bytes, stream, pointer));
            return pointer.get(ValueLayout.ADDRESS, 0);
        }
    }

    public static void free(int device, MemorySegment pointer, MemorySegment stream) {
        NativeLibrary.load();
        Failure.check(cce_h.cce_free(device, pointer, stream));
    }

    /**
     * {@code direction} is one of CCE_COPY_*. Both segments may be foreign: the linker keeps them alive during the
     * call.
     */
    public static void copy(
            int device, int direction, MemorySegment to, MemorySegment from, long bytes, MemorySegment stream) {
        NativeLibrary.load();
        int status;
        try {
            // Not through cce_copy(): it makes an AssertionError of what the linker says about a closed arena.
            status = (int) cce_h.cce_copy$handle().invokeExact(device, direction, to, from, bytes, stream);
        } catch (RuntimeException | Error e) {
            throw e;
        } catch (Throwable e) {
            throw new AssertionError("a downcall throws no checked exception", e);
        }
        Failure.check(status);
    }

    public static void zero(int device, MemorySegment pointer, long bytes, MemorySegment stream) {
        NativeLibrary.load();
        Failure.check(cce_h.cce_fill(device, pointer, 0, bytes, stream));
    }

    public static void checkPointer(int device, MemorySegment pointer, long bytes) {
        NativeLibrary.load();
        Failure.check(cce_h.cce_check_pointer(device, pointer, bytes));
    }
}
