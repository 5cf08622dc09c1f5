package io.github.cce4j.internal.library;

import java.io.File;
import java.io.IOException;
import java.net.URL;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;

/** Where the native library is: named by the user, in a jar, or in a folder of {@code java.library.path}. */
final class LibrarySearch {
    static final String FILE_PROPERTY = "io.github.cce4j.library";
    static final String FILE_VARIABLE = "CCE4J_LIBRARY";
    static final String CACHE_PROPERTY = "io.github.cce4j.cache";
    static final String CACHE_VARIABLE = "CCE4J_CACHE";

    private static final String FILE_NAME = System.mapLibraryName("cce");

    private LibrarySearch() {}

    /** The first that there is. What the user named must exist: it is never passed over in silence. */
    static LibraryFile find(String version) {
        return named(System.getProperty(FILE_PROPERTY), "system property " + FILE_PROPERTY)
                .or(() -> named(System.getenv(FILE_VARIABLE), "environment variable " + FILE_VARIABLE))
                .or(() -> packaged(version))
                .or(LibrarySearch::onLibraryPath)
                .orElseThrow(LibrarySearch::nowhere);
    }

    private static Optional<LibraryFile> named(String file, String source) {
        if (file == null || file.isEmpty()) {
            return Optional.empty();
        }
        LibraryFile found = new LibraryFile(Path.of(file).toAbsolutePath(), source);
        if (!Files.isRegularFile(found.path())) {
            throw LoadFailure.of(found, "there is no such file", "correct or remove the " + source, null);
        }
        return Optional.of(found);
    }

    private static Optional<LibraryFile> packaged(String version) {
        String platform = Platform.current();
        String resource = "io/github/cce4j/native/" + platform + "/" + FILE_NAME;
        URL url = LibrarySearch.class.getClassLoader().getResource(resource);
        if (url == null) {
            return Optional.empty();
        }
        Path cache = cacheFolder();
        try {
            Path file = Extraction.extract(url, cache, version + "-" + platform, FILE_NAME);
            return Optional.of(new LibraryFile(file, "resource " + url));
        } catch (IOException e) {
            throw LoadFailure.of(
                    new LibraryFile(cache, "resource " + url),
                    "it cannot be extracted: " + e,
                    "name a folder that can be written to by -D" + CACHE_PROPERTY + "=<folder> or " + CACHE_VARIABLE,
                    e);
        }
    }

    private static Path cacheFolder() {
        String named = System.getProperty(CACHE_PROPERTY, System.getenv(CACHE_VARIABLE));
        if (named != null && !named.isEmpty()) {
            return Path.of(named).toAbsolutePath();
        }
        String userCache = System.getenv("XDG_CACHE_HOME");
        Path base = userCache != null && !userCache.isEmpty()
                ? Path.of(userCache)
                : Path.of(System.getProperty("user.home"), ".cache");
        return base.resolve("cce4j").toAbsolutePath();
    }

    private static Optional<LibraryFile> onLibraryPath() {
        for (String folder : System.getProperty("java.library.path", "").split(File.pathSeparator)) {
            Path file = Path.of(folder, FILE_NAME).toAbsolutePath();
            if (Files.isRegularFile(file)) {
                return Optional.of(new LibraryFile(file, "java.library.path"));
            }
        }
        return Optional.empty();
    }

    private static RuntimeException nowhere() {
        String platform = Platform.current();
        String advice = Platform.SUPPORTED.contains(platform)
                ? "add the jar cce4j-native with the classifier " + platform + " to the class path or module path"
                : "there are jars for " + String.join(" and ", Platform.SUPPORTED)
                        + " only: build the library from source";
        return LoadFailure.of(
                null,
                FILE_NAME + " is neither named by -D" + FILE_PROPERTY + " or " + FILE_VARIABLE
                        + ", nor in a jar, nor in java.library.path",
                advice + ", or name a file by -D" + FILE_PROPERTY + "=<file>",
                null);
    }
}
