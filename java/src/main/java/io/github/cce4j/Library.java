package io.github.cce4j;

import io.github.cce4j.internal.downcall.DeviceCalls;
import io.github.cce4j.internal.library.NativeLibrary;
import io.github.cce4j.internal.memory.CpuThreads;
import io.github.cce4j.internal.memory.Resource;
import java.nio.file.Path;

/**
 * The native library behind this module. It is loaded when it is first needed; {@link #load()} is for those who want to
 * know at once.
 *
 * {@snippet class="io.github.cce4j.snippets.DeviceSnippets" region="library"}
 *
 * <p>It is looked for in this order:
 * <ol>
 *   <li>the file that the system property {@code io.github.cce4j.library} names,
 *   <li>the file that the environment variable {@code CCE4J_LIBRARY} names,
 *   <li>the resource {@code /io/github/cce4j/native/<platform>/libcce.so} of a jar, where the platform is
 *       {@code linux-x86_64} or {@code linux-aarch64}. It is extracted, once for each version, to the folder that the
 *       system property {@code io.github.cce4j.cache} or the environment variable {@code CCE4J_CACHE} names, by default
 *       {@code $XDG_CACHE_HOME/cce4j} or {@code ~/.cache/cce4j},
 *   <li>{@code libcce.so} in the folders of {@code java.library.path}.
 * </ol>
 *
 * <p>The first that there is counts. If it cannot be loaded, that is an error and not a reason to go on looking. A
 * later call tries again.
 */
public final class Library {
    private final NativeLibrary library;

    private Library(NativeLibrary library) {
        this.library = library;
    }

    /**
     * Loads the library if it is not loaded yet.
     *
     * @return what was loaded
     * @throws CceException with {@link Status#LIBRARY} if there is none or it cannot be loaded; the message has the
     *     file, the platform, the dynamic linker's words and what to do
     */
    public static Library load() {
        return new Library(NativeLibrary.load());
    }

    /**
     * The version of the native code.
     *
     * @return major.minor.patch
     */
    public String version() {
        return library.version();
    }

    /**
     * The file that was loaded.
     *
     * @return an absolute path
     */
    public Path path() {
        return library.path();
    }

    /**
     * How that file was found.
     *
     * @return the property, variable, resource or path that led to it
     */
    public String source() {
        return library.source();
    }

    /**
     * How many threads computations on the CPU use: by default the number in the environment variable
     * {@code CCE_NUM_THREADS}, else the number of processors that this process may use.
     *
     * @return the number of threads, at least 1
     * @throws CceException with {@link Status#LIBRARY} if the library cannot be loaded
     */
    public static int cpuThreads() {
        return DeviceCalls.cpuThreads();
    }

    /**
     * Sets how many threads computations on the CPU use. Results do not depend on it, to the bit. Computations that run
     * are waited for.
     *
     * @param threads in [1, 1024]
     * @throws CceException with {@link Status#INVALID_ARGUMENT} if the number is out of range
     */
    public static void setCpuThreads(int threads) {
        CpuThreads.set(threads);
    }

    /**
     * Counts tensors, results, streams and events that were never closed, so that the garbage collector had to free
     * them. It should stay 0: the collector does not know how much device memory waits for it.
     *
     * @return how many since the start
     */
    public static long cleanedCount() {
        return Resource.cleanedCount();
    }

    @Override
    public String toString() {
        return "libcce " + version() + " from " + path() + " (" + source() + ")";
    }
}
