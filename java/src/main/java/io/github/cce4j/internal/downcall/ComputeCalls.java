package io.github.cce4j.internal.downcall;

import io.github.cce4j.bindings.cce_h;
import io.github.cce4j.internal.library.NativeLibrary;
import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemoryLayout;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandle;
import java.util.Collections;

/**
 * cce.h, "compute".
 *
 * <p>Guards. The linker keeps a segment's arena open during a downcall if the segment is an argument, but inputs and
 * outputs travel as addresses within structs: another thread could close a shared arena, and the memory would be gone
 * while native code reads it. So every function gets {@value #GUARDS} more pointer arguments than it declares, and
 * foreign segments are passed there too. The callee never looks at them. The calling conventions of the platforms that
 * we serve (System V x86-64, AAPCS64) allow that: arguments are placed from first to last, so more of them do not move
 * the declared ones, and the caller removes what it put on the stack.
 */
public final class ComputeCalls {
    /** As many as a call can have foreign segments: six inputs, two incoming and three outgoing gradients. */
    public static final int GUARDS = 11;

    /** A class of its own, since it can be initialised only when the library is loaded. */
    private static final class Handles {
        static final MethodHandle INDEXED_DOT =
                guarded(cce_h.cce_indexed_dot$address(), cce_h.cce_indexed_dot$descriptor());
        static final MethodHandle LOG_SUM_EXP =
                guarded(cce_h.cce_log_sum_exp$address(), cce_h.cce_log_sum_exp$descriptor());
        static final MethodHandle MAKE_STATE =
                guarded(cce_h.cce_make_state$address(), cce_h.cce_make_state$descriptor());
        static final MethodHandle FORWARD = guarded(cce_h.cce_forward$address(), cce_h.cce_forward$descriptor());
        static final MethodHandle BACKWARD = guarded(cce_h.cce_backward$address(), cce_h.cce_backward$descriptor());

        private static MethodHandle guarded(MemorySegment function, FunctionDescriptor declared) {
            MemoryLayout[] guards = Collections.nCopies(GUARDS, ValueLayout.ADDRESS).toArray(MemoryLayout[]::new);
            return Linker.nativeLinker()
                    .downcallHandle(function, declared.appendArgumentLayouts(guards))
                    .asSpreader(MemorySegment[].class, GUARDS);
        }
    }

    private ComputeCalls() {}

    public static long stateBytes(MemorySegment problem) {
        NativeLibrary.load();
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment bytes = arena.allocate(ValueLayout.JAVA_LONG);
            Failure.check(cce_h.cce_state_bytes(problem, bytes));
            return bytes.get(ValueLayout.JAVA_LONG, 0);
        }
    }

    /** {@code passes} is a mask of CCE_PASS_*. */
    public static long workspaceBytes(MemorySegment problem, int passes) {
        NativeLibrary.load();
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment bytes = arena.allocate(ValueLayout.JAVA_LONG);
            Failure.check(cce_h.cce_workspace_bytes(problem, passes, bytes));
            return bytes.get(ValueLayout.JAVA_LONG, 0);
        }
    }

    public static void indexedDot(Work work, MemorySegment targetLogit) {
        primitive(Handles.INDEXED_DOT, work, targetLogit);
    }

    public static void logSumExp(Work work, MemorySegment lse) {
        primitive(Handles.LOG_SUM_EXP, work, lse);
    }

    public static void makeState(Work work, MemorySegment lse, Buffer state) {
        pass(Handles.MAKE_STATE, work, lse, state);
    }

    /** {@code outputs} is a cce_outputs. */
    public static void forward(Work work, MemorySegment outputs, Buffer state) {
        pass(Handles.FORWARD, work, outputs, state);
    }

    /** {@code gradients} is a cce_gradients. */
    public static void backward(Work work, MemorySegment gradients, Buffer state) {
        pass(Handles.BACKWARD, work, gradients, state);
    }

    /** The number of positions that are not ignored. Waits for the stream. */
    public static long check(MemorySegment problem, Buffer state, MemorySegment stream) {
        NativeLibrary.load();
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment valid = arena.allocate(ValueLayout.JAVA_LONG);
            Failure.check(cce_h.cce_check(problem, state.address(), state.bytes(), valid, stream));
            return valid.get(ValueLayout.JAVA_LONG, 0);
        }
    }

    private static void primitive(MethodHandle function, Work work, MemorySegment result) {
        int status;
        try {
            status = (int) function.invokeExact(
                    work.problem(), work.inputs(), result,
                    work.workspace().address(), work.workspace().bytes(), work.stream(), work.guards());
        } catch (RuntimeException | Error e) {
            throw e;
        } catch (Throwable e) {
            throw new AssertionError("a downcall throws no checked exception", e);
        }
        Failure.check(status);
    }

    private static void pass(MethodHandle function, Work work, MemorySegment results, Buffer state) {
        int status;
        try {
            status = (int) function.invokeExact(
                    work.problem(), work.inputs(), results, state.address(), state.bytes(),
                    work.workspace().address(), work.workspace().bytes(), work.stream(), work.guards());
        } catch (RuntimeException | Error e) {
            throw e;
        } catch (Throwable e) {
            throw new AssertionError("a downcall throws no checked exception", e);
        }
        Failure.check(status);
    }
}
