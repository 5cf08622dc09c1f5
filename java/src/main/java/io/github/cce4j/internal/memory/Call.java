package io.github.cce4j.internal.memory;

import io.github.cce4j.internal.downcall.Buffer;
import io.github.cce4j.internal.downcall.Codes;
import io.github.cce4j.internal.downcall.ComputeCalls;
import io.github.cce4j.internal.library.NativeLibrary;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/**
 * One call of native code: its stream, the memory that it uses, and the structs that say so. All of it stays alive
 * until the call is closed, by the thread that opened it.
 */
public final class Call implements AutoCloseable {
    private final NativeStream stream;
    private final Arena arena;
    private final List<Memory> used = new ArrayList<>(16);
    private final MemorySegment[] guards = new MemorySegment[ComputeCalls.GUARDS];
    private int guarded;

    public Call(NativeStream stream) {
        NativeLibrary.load();
        Arrays.fill(guards, MemorySegment.NULL);
        this.stream = stream;
        stream.acquire();
        arena = Arena.ofConfined();
        if (isOnCpu()) {
            CpuThreads.hold();
        }
    }

    private boolean isOnCpu() {
        return stream.device() == Codes.CPU;
    }

    /** For structs. */
    public Arena arena() {
        return arena;
    }

    /** The address of memory, which is kept alive from now on. */
    public MemorySegment use(Memory memory) {
        memory.acquire(stream);
        used.add(memory);
        if (memory.isBorrowed()) {
            guards[guarded++] = memory.segment();
        }
        return memory.segment();
    }

    public Buffer useAsBuffer(Memory memory) {
        return new Buffer(use(memory), memory.bytes());
    }

    public NativeStream stream() {
        return stream;
    }

    /** For {@link ComputeCalls}. */
    public MemorySegment[] guards() {
        return guards;
    }

    @Override
    public void close() {
        if (isOnCpu()) {
            CpuThreads.letGo();
        }
        used.forEach(Memory::release);
        arena.close();
        stream.release();
    }
}
