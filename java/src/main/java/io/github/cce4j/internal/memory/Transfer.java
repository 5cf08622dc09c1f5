package io.github.cce4j.internal.memory;

import io.github.cce4j.bindings.cce_h;
import io.github.cce4j.internal.downcall.MemoryCalls;
import io.github.cce4j.internal.downcall.StreamCalls;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

/**
 * Moves whole pieces of memory. Every method waits for the work that may touch the memory and returns when the bytes
 * are where they belong. Sizes are equal already.
 */
public final class Transfer {
    /**
     * Java arrays cannot be given to CUDA, since the garbage collector moves them: they go through a piece of this
     * size.
     */
    private static final long STAGE_BYTES = 4 << 20;

    private Transfer() {}

    public static void read(Memory from, MemorySegment to) {
        from.acquire();
        try {
            if (from.isOnCpu()) {
                MemorySegment.copy(from.segment(), 0, to, 0, from.bytes());
            } else {
                from.synchronize();
                fromCuda(from, 0, to);
            }
        } finally {
            from.release();
        }
    }

    public static void write(MemorySegment from, Memory to) {
        to.acquire();
        try {
            if (to.isOnCpu()) {
                MemorySegment.copy(from, 0, to.segment(), 0, to.bytes());
            } else {
                to.synchronize();
                toCuda(from, to, 0);
            }
        } finally {
            to.release();
        }
    }

    public static void copy(Memory from, Memory to) {
        if (from.isOnCpu()) {
            from.acquire();
            try {
                write(from.segment(), to);
            } finally {
                from.release();
            }
        } else if (to.isOnCpu()) {
            to.acquire();
            try {
                read(from, to.segment());
            } finally {
                to.release();
            }
        } else {
            betweenCuda(from, to);
        }
    }

    public static void zero(Memory memory) {
        memory.acquire();
        try {
            if (memory.isOnCpu()) {
                memory.segment().fill((byte) 0);
            } else {
                memory.synchronize();
                MemoryCalls.zero(memory.device(), memory.segment(), memory.bytes(), MemorySegment.NULL);
                StreamCalls.synchronizeStream(memory.device(), MemorySegment.NULL);
            }
        } finally {
            memory.release();
        }
    }

    private static void betweenCuda(Memory from, Memory to) {
        from.acquire();
        try {
            to.acquire();
            try {
                from.synchronize();
                to.synchronize();
                if (from.device() == to.device()) {
                    MemoryCalls.copy(
                            to.device(), cce_h.CCE_COPY_DEVICE_TO_DEVICE(), to.segment(), from.segment(), to.bytes(),
                            MemorySegment.NULL);
                    StreamCalls.synchronizeStream(to.device(), MemorySegment.NULL);
                } else {
                    throughHost(from, to);
                }
            } finally {
                to.release();
            }
        } finally {
            from.release();
        }
    }

    private static void throughHost(Memory from, Memory to) {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment stage = arena.allocate(Math.min(STAGE_BYTES, from.bytes()));
            for (long done = 0; done < from.bytes(); done += stage.byteSize()) {
                MemorySegment piece = stage.asSlice(0, Math.min(stage.byteSize(), from.bytes() - done));
                fromCuda(from, done, piece);
                toCuda(piece, to, done);
            }
        }
    }

    private static void fromCuda(Memory from, long offset, MemorySegment to) {
        if (to.isNative()) {
            MemoryCalls.copy(
                    from.device(), cce_h.CCE_COPY_DEVICE_TO_HOST(), to, at(from, offset), to.byteSize(),
                    MemorySegment.NULL);
            return;
        }
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment stage = arena.allocate(Math.min(STAGE_BYTES, to.byteSize()));
            for (long done = 0; done < to.byteSize(); done += stage.byteSize()) {
                MemorySegment piece = stage.asSlice(0, Math.min(stage.byteSize(), to.byteSize() - done));
                fromCuda(from, offset + done, piece);
                MemorySegment.copy(piece, 0, to, done, piece.byteSize());
            }
        }
    }

    private static void toCuda(MemorySegment from, Memory to, long offset) {
        if (from.isNative()) {
            MemoryCalls.copy(
                    to.device(), cce_h.CCE_COPY_HOST_TO_DEVICE(), at(to, offset), from, from.byteSize(),
                    MemorySegment.NULL);
            return;
        }
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment stage = arena.allocate(Math.min(STAGE_BYTES, from.byteSize()));
            for (long done = 0; done < from.byteSize(); done += stage.byteSize()) {
                MemorySegment piece = stage.asSlice(0, Math.min(stage.byteSize(), from.byteSize() - done));
                MemorySegment.copy(from, done, piece, 0, piece.byteSize());
                toCuda(piece, to, offset + done);
            }
        }
    }

    private static MemorySegment at(Memory memory, long offset) {
        return MemorySegment.ofAddress(memory.segment().address() + offset);
    }
}
