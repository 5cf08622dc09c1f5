package io.github.cce4j.internal.library;

import io.github.cce4j.CceException;
import io.github.cce4j.bindings.cce_h;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.SymbolLookup;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandle;
import java.nio.file.Path;

/**
 * Loads libcce before the first downcall. The bindings look their symbols up when their classes are initialised, and a
 * class that failed to initialise stays broken; so none of them is touched before a library is loaded and checked, and
 * a load that failed can be tried again.
 */
public final class NativeLibrary {
    private static volatile NativeLibrary loaded;

    private final Path path;
    private final String source;
    private final String version;

    private NativeLibrary(LibraryFile file, int version) {
        this.path = file.path();
        this.source = file.source();
        this.version = text(version);
    }

    /** The library, loaded by this call if need be. */
    public static NativeLibrary load() {
        NativeLibrary library = loaded;
        return library != null ? library : loadOnce();
    }

    private static synchronized NativeLibrary loadOnce() {
        if (loaded == null) {
            NativeAccess.require();
            LibraryFile file = LibrarySearch.find(text(headerVersion()));
            link(file);
            int version = checkVersion(file);
            initializeMessages();
            loaded = new NativeLibrary(file, version);
        }
        return loaded;
    }

    public Path path() {
        return path;
    }

    public String source() {
        return source;
    }

    public String version() {
        return version;
    }

    /** System.load binds the library to this class's loader, and the bindings look in that of theirs. */
    private static void link(LibraryFile file) {
        ClassLoader ours = NativeLibrary.class.getClassLoader();
        ClassLoader theirs = cce_h.class.getClassLoader();
        if (ours != theirs) {
            throw LoadFailure.of(
                    file,
                    "the bindings were loaded by " + theirs + ", but this module by " + ours,
                    "let one class loader define cce4j and cce4j-bindings, as the class path and the module path do",
                    null);
        }
        try {
            System.load(file.path().toString());
        } catch (UnsatisfiedLinkError e) {
            throw LoadFailure.of(file, e.getMessage(), LoadFailure.advice(String.valueOf(e.getMessage())), e);
        }
    }

    private static int checkVersion(LibraryFile file) {
        MemorySegment address = SymbolLookup.loaderLookup()
                .find("cce_version")
                .orElseThrow(() -> LoadFailure.of(
                        file,
                        "it has no symbol cce_version",
                        "name a libcce of version " + text(headerVersion()),
                        null));
        int library = call(Linker.nativeLinker().downcallHandle(address, FunctionDescriptor.of(ValueLayout.JAVA_INT)));
        int header = headerVersion();
        if (library / 1_000_000 != header / 1_000_000 || library / 1_000 < header / 1_000) {
            throw mismatch(file, library, header);
        }
        return library;
    }

    /** Initialises the classes behind it now, so that later nothing comes between a failure and its message. */
    private static void initializeMessages() {
        cce_h.cce_last_error(MemorySegment.NULL, 0);
    }

    private static CceException mismatch(LibraryFile file, int library, int header) {
        return LoadFailure.of(
                file,
                "it is of version " + text(library) + ", but " + text(header) + " or a later minor version is needed",
                "use jars of one version, and restart the JVM: a library cannot be unloaded",
                null);
    }

    private static int call(MethodHandle function) {
        try {
            return (int) function.invokeExact();
        } catch (Throwable e) {
            throw new AssertionError("cce_version takes nothing and cannot fail", e);
        }
    }

    private static int headerVersion() {
        return cce_h.CCE_VERSION_MAJOR() * 1_000_000 + cce_h.CCE_VERSION_MINOR() * 1_000 + cce_h.CCE_VERSION_PATCH();
    }

    private static String text(int version) {
        return version / 1_000_000 + "." + version / 1_000 % 1_000 + "." + version % 1_000;
    }
}
