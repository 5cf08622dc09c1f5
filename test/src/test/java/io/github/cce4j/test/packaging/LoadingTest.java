package io.github.cce4j.test.packaging;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.github.cce4j.test.ClassFolder;
import io.github.cce4j.test.Jvm;
import java.io.File;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Each way of finding the library, and each way of not finding it, in a fresh JVM. */
@Tag("toolchain")
class LoadingTest {

    private static final String CACHE = "io.github.cce4j.cache";

    @TempDir
    private Path folder;

    @Test
    void extractsTheLibraryOfTheJar() {
        String output = jvm(Jars.withNative()).run(probe("load")).requireSuccess().output();
        assertHas(output, "sum 4.0", "source resource jar:file:", "path " + folder.resolve("cache"));
    }

    @Test
    void manyExtractAtOnce() throws IOException {
        List<Jvm.Running> running = IntStream.range(0, 4).mapToObj(i -> jvm(Jars.withNative()).start(probe("load")))
                .toList();
        running.forEach(jvm -> jvm.await().requireSuccess());
        assertEquals(1, extracted().size(), "one copy for all: " + extracted());
        assertEquals(-1, Files.mismatch(extracted().get(0), Files.write(folder.resolve("whole"), Jars.library())));
    }

    @Test
    void replacesADamagedCopy() throws IOException {
        jvm(Jars.withNative()).run(probe("load")).requireSuccess();
        Files.writeString(extracted().get(0), "damaged");
        jvm(Jars.withNative()).run(probe("load")).requireSuccess();
        assertEquals(-1, Files.mismatch(extracted().get(0), Files.write(folder.resolve("whole"), Jars.library())));
    }

    @Test
    void saysThatTheCacheCannotBeWritten() throws IOException {
        Path file = Files.writeString(folder.resolve("cache"), "a file where a folder must be");
        String output = jvm(Jars.withNative()).run(probe("fail")).requireSuccess().output();
        assertHas(output, "status LIBRARY", "cannot be extracted", file.toString(), "-D" + CACHE + "=");
    }

    @Test
    void loadsTheFileThatThePropertyNames() throws IOException {
        Path file = Files.write(folder.resolve("mine.so"), Jars.library());
        String output = jvm(Jars.withoutNative()).property(Probe.PROPERTY, file.toString()).run(probe("load"))
                .requireSuccess().output();
        assertHas(output, "path " + file, "source system property " + Probe.PROPERTY);
    }

    @Test
    void loadsTheFileThatTheEnvironmentNames() throws IOException {
        Path file = Files.write(folder.resolve("mine.so"), Jars.library());
        String output = jvm(Jars.withoutNative()).environment("CCE4J_LIBRARY", file.toString()).run(probe("load"))
                .requireSuccess().output();
        assertHas(output, "path " + file, "source environment variable CCE4J_LIBRARY");
    }

    @Test
    void loadsFromTheLibraryPath() throws IOException {
        Path file = Files.write(folder.resolve("libcce.so"), Jars.library());
        String output = jvm(Jars.withoutNative()).property("java.library.path", folder.toString()).run(probe("load"))
                .requireSuccess().output();
        assertHas(output, "path " + file, "source java.library.path");
    }

    @Test
    void saysWhatToDoWithoutTheNativeJar() {
        String output = jvm(Jars.withoutNative()).run(probe("fail")).requireSuccess().output();
        assertHas(output, "status LIBRARY", "cce4j-native", platform(), "-D" + Probe.PROPERTY + "=",
                "java.library.path");
    }

    @Test
    void saysThatANamedFileIsMissing() {
        String output = jvm(Jars.withNative()).property(Probe.PROPERTY, "/no/such/libcce.so").run(probe("fail"))
                .requireSuccess().output();
        assertHas(output, "status LIBRARY", "/no/such/libcce.so", "no such file");
    }

    @Test
    void repeatsTheLinkersWordsAndThenLoadsAGoodFile() throws IOException {
        Path good = Files.write(folder.resolve("good.so"), Jars.library());
        Path corrupt = Files.writeString(folder.resolve("corrupt.so"),
                "no shared library, but as long as one ".repeat(100));
        String output = jvm(Jars.withoutNative()).property(Probe.PROPERTY, corrupt.toString())
                .run(probe("fail-then-load", good.toString())).requireSuccess().output();
        assertHas(output, "status LIBRARY", corrupt.toString(), "invalid ELF header", platform(), "sum 4.0",
                "path " + good);
    }

    @Test
    void anotherSharedLibraryIsNotTaken() throws IOException {
        Path good = Files.write(folder.resolve("good.so"), Jars.library());
        Path other = Path.of(System.getProperty("java.home"), "lib", "libattach.so");
        String output = jvm(Jars.withoutNative()).property(Probe.PROPERTY, other.toString())
                .run(probe("fail-then-load", good.toString())).requireSuccess().output();
        assertHas(output, "status LIBRARY", other.toString(), "cce_version", "sum 4.0", "path " + good);
    }

    @Test
    void theGarbageCollectorFreesWhatNobodyClosed() {
        String output = jvm(Jars.withNative()).run(probe("forget", "5")).requireSuccess().output();
        assertHas(output, "live 20000", "cleaned 5", "left 0");
    }

    private Jvm jvm(String jars) {
        String probe = ClassFolder.of(Probe.class).path().toString();
        return new Jvm().option("--class-path", jars + File.pathSeparator + probe)
                .option("--enable-native-access=ALL-UNNAMED").environment("CCE4J_LIBRARY", null)
                .property(CACHE, folder.resolve("cache").toString());
    }

    private static String[] probe(String... arguments) {
        return Stream.concat(Stream.of(Probe.class.getName()), Stream.of(arguments)).toArray(String[]::new);
    }

    private List<Path> extracted() throws IOException {
        try (Stream<Path> files = Files.walk(folder.resolve("cache"))) {
            return files.filter(Files::isRegularFile).filter(file -> !file.endsWith("lock")).toList();
        }
    }

    private static String platform() {
        return System.getProperty("os.arch").equals("aarch64") ? "linux-aarch64" : "linux-x86_64";
    }

    private static void assertHas(String output, String... words) {
        for (String word : words) {
            assertTrue(output.contains(word), () -> "\"" + word + "\" is missing in:\n" + output);
        }
    }
}
