package io.github.cce4j.internal.library;

import io.github.cce4j.CceException;
import io.github.cce4j.bindings.cce_h;
import java.lang.foreign.MemorySegment;

/** Whether the JVM's user lets this module and the bindings call native code. */
final class NativeAccess {
    private NativeAccess() {}

    /** Does the least that needs the permission, in this module and in that of the bindings. */
    static void require() {
        try {
            MemorySegment.NULL.reinterpret(0);
        } catch (IllegalCallerException e) {
            throw denied(NativeAccess.class.getModule(), e);
        }
        try {
            cce_h.CCE_OK(); // initialises this class, not those within that look symbols up
        } catch (LinkageError e) {
            throw denied(cce_h.class.getModule(), e);
        }
    }

    private static CceException denied(Module module, Throwable cause) {
        String modules = module.isNamed() ? "io.github.cce4j,io.github.cce4j.bindings" : "ALL-UNNAMED";
        return LoadFailure.of(
                null,
                "native access is not enabled for " + module,
                "start the JVM with --enable-native-access=" + modules,
                cause);
    }
}
