package io.github.cce4j.test;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;

/** A fresh JVM of the runtime that this one runs on. */
public final class Jvm {

    private static final long LIMIT_MINUTES = 10;

    private final List<String> options = new ArrayList<>();
    private final Map<String, String> environment = new LinkedHashMap<>();

    /** What a JVM said before it ended; standard output and error together. */
    public record Ended(int exitCode, String output) {

        public Ended requireSuccess() {
            if (exitCode != 0) {
                throw new AssertionError("exit code " + exitCode + ":\n" + output);
            }
            return this;
        }
    }

    /** With this JVM's own class path and the test's properties. */
    public static Jvm likeThisOne() {
        Jvm jvm = new Jvm().option("--class-path", System.getProperty("java.class.path"))
                .option("--enable-native-access=ALL-UNNAMED").property(Seeds.PROPERTY, Long.toString(Seeds.SEED));
        String library = System.getProperty("io.github.cce4j.library");
        return library == null ? jvm : jvm.property("io.github.cce4j.library", library);
    }

    public Jvm option(String... words) {
        options.addAll(List.of(words));
        return this;
    }

    public Jvm property(String name, String value) {
        return option("-D" + name + "=" + value);
    }

    /** Null removes the variable. */
    public Jvm environment(String name, String value) {
        environment.put(name, value);
        return this;
    }

    /** Runs a main class, a module or a source file, whatever the words say, and waits for its end. */
    public Ended run(String... words) {
        return start(words).await();
    }

    /** A JVM that runs. */
    public record Running(Process process, Path log) {

        public Ended await() {
            try {
                if (!process.waitFor(LIMIT_MINUTES, TimeUnit.MINUTES)) {
                    process.destroyForcibly().waitFor();
                    throw new AssertionError("no end within " + LIMIT_MINUTES + " minutes:\n" + Files.readString(log));
                }
                return new Ended(process.exitValue(), Files.readString(log, StandardCharsets.UTF_8));
            } catch (IOException | InterruptedException e) {
                throw new AssertionError(e);
            } finally {
                process.destroy();
                log.toFile().delete();
            }
        }
    }

    public Running start(String... words) {
        List<String> command = new ArrayList<>();
        command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
        command.addAll(options);
        command.addAll(List.of(words));
        try {
            Path log = Files.createTempFile("cce4j", ".log");
            ProcessBuilder builder = new ProcessBuilder(command).redirectErrorStream(true).redirectOutput(log.toFile());
            environment.forEach((name, value) -> {
                if (value == null) {
                    builder.environment().remove(name);
                } else {
                    builder.environment().put(name, value);
                }
            });
            return new Running(builder.start(), log);
        } catch (IOException e) {
            throw new AssertionError("cannot start " + command, e);
        }
    }
}
