package io.github.cce4j.internal.library;

import io.github.cce4j.CceException;
import io.github.cce4j.Status;

/** The words of a library that cannot be loaded: what happened, where, and what to do about it. */
final class LoadFailure {
    private LoadFailure() {}

    /** {@code found} is null if the search itself failed. */
    static CceException of(LibraryFile found, String reason, String advice, Throwable cause) {
        StringBuilder text = new StringBuilder("cannot load the native library: ").append(reason);
        if (found != null) {
            text.append("\n  file: ").append(found.path()).append("\n  found by: ").append(found.source());
        }
        text.append("\n  platform: ").append(Platform.current());
        text.append("\n  what to do: ").append(advice);
        return new CceException(Status.LIBRARY, text.toString(), cause);
    }

    /** What helps against the dynamic linker's complaint. */
    static String advice(String linkerWords) {
        if (linkerWords.contains("failed to map segment")) {
            return "the folder is probably mounted noexec; name one that is not by -D" + LibrarySearch.CACHE_PROPERTY
                    + "=<folder> or " + LibrarySearch.CACHE_VARIABLE;
        }
        if (linkerWords.contains("GLIBC")) {
            return "this system's C library is older than the one that the file was built with; build the library from"
                    + " source here and name it by -D" + LibrarySearch.FILE_PROPERTY + "=<file>";
        }
        if (linkerWords.contains("already loaded in another classloader")) {
            return "the JVM binds a library to one class loader; put cce4j where all of its users share a class loader";
        }
        return "check that the file is whole and made for this platform, or name another one by -D"
                + LibrarySearch.FILE_PROPERTY + "=<file> or " + LibrarySearch.FILE_VARIABLE;
    }
}
