package io.github.cce4j.test.packaging;

import io.github.cce4j.Device;
import io.github.cce4j.bindings.cce_h;
import io.github.cce4j.test.ClassFolder;
import java.io.File;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.jar.JarEntry;
import java.util.jar.JarFile;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.Assumptions;

/** The jars that a user gets: the safe layer, the bindings, and the native library of this platform. */
final class Jars {

    private Jars() {}

    static String withNative() {
        return path(all().stream());
    }

    static String withoutNative() {
        return path(java().stream());
    }

    /** The library in the native jar. */
    static byte[] library() {
        try (JarFile jar = new JarFile(nativeJar().toFile())) {
            JarEntry library = jar.stream().filter(entry -> entry.getName().endsWith(".so")).findFirst().orElseThrow();
            return jar.getInputStream(library).readAllBytes();
        } catch (IOException e) {
            throw new AssertionError(e);
        }
    }

    private static List<Path> all() {
        return Stream.concat(java().stream(), Stream.of(nativeJar())).toList();
    }

    private static List<Path> java() {
        List<ClassFolder> folders = List.of(ClassFolder.of(Device.class), ClassFolder.of(cce_h.class));
        Assumptions.assumeTrue(folders.stream().allMatch(ClassFolder::isJar),
                "the modules are not packaged (mvn verify does it)");
        return folders.stream().map(ClassFolder::path).toList();
    }

    private static Path nativeJar() {
        List<Path> jars = Arrays.stream(System.getProperty("java.class.path").split(File.pathSeparator)).map(Path::of)
                .filter(Files::isRegularFile).filter(Jars::hasLibrary).toList();
        Assumptions.assumeTrue(jars.size() == 1, "there must be one native jar on the class path, not " + jars);
        return jars.get(0);
    }

    private static boolean hasLibrary(Path path) {
        try (JarFile jar = new JarFile(path.toFile())) {
            return jar.stream().anyMatch(entry -> entry.getName().startsWith("io/github/cce4j/native/"));
        } catch (IOException e) {
            throw new AssertionError("cannot read " + path, e);
        }
    }

    private static String path(Stream<Path> files) {
        return files.map(Path::toString).collect(Collectors.joining(File.pathSeparator));
    }
}
