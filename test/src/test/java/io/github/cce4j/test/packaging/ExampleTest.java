package io.github.cce4j.test.packaging;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.github.cce4j.test.Jvm;
import io.github.cce4j.test.Project;
import java.io.File;
import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.spi.ToolProvider;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The README's example, compiled and run against the packaged jars as a user would. */
@Tag("toolchain")
class ExampleTest {

    private static final Pattern JAVA_BLOCK = Pattern.compile("```java\\n(.*?)```", Pattern.DOTALL);
    private static final String MODULES = "io.github.cce4j,io.github.cce4j.bindings";

    @TempDir
    private Path folder;

    @Test
    void runsOnTheModulePath() throws IOException {
        Files.writeString(folder.resolve("module-info.java"), "module example { requires io.github.cce4j; }");
        compile("example", "--module-path", Jars.withNative());
        String output = jvm()
                .option("--module-path", Jars.withNative() + File.pathSeparator + folder.resolve("classes"))
                .option("--add-modules", "ALL-MODULE-PATH").option("--enable-native-access=" + MODULES)
                .run("--module", "example/example.Example").requireSuccess().output();
        requireCleanOutput(output);
    }

    @Test
    void runsOnTheClassPath() throws IOException {
        compile("example", "--class-path", Jars.withNative());
        String output = jvm().option("--class-path", Jars.withNative() + File.pathSeparator + folder.resolve("classes"))
                .option("--enable-native-access=ALL-UNNAMED").run("example.Example").requireSuccess().output();
        requireCleanOutput(output);
    }

    private Jvm jvm() {
        return new Jvm().environment("CCE4J_LIBRARY", null)
                .property("io.github.cce4j.cache", folder.resolve("cache").toString());
    }

    private void compile(String name, String... path) throws IOException {
        Matcher block = JAVA_BLOCK.matcher(Files.readString(Project.root().resolve("README.md")));
        assertTrue(block.find(), "README.md has no Java example");
        Path source = Files.createDirectories(folder.resolve(name)).resolve("Example.java");
        Files.writeString(source, program(name, block.group(1)));
        List<String> words = new ArrayList<>(List.of(path));
        words.addAll(List.of("-d", folder.resolve("classes").toString(), source.toString()));
        Path moduleInfo = folder.resolve("module-info.java");
        if (Files.exists(moduleInfo)) {
            words.add(moduleInfo.toString());
        }
        StringWriter messages = new StringWriter();
        ToolProvider javac = ToolProvider.findFirst("javac").orElseThrow();
        PrintWriter out = new PrintWriter(messages);
        int exitCode = javac.run(out, out, words.toArray(String[]::new));
        assertEquals(0, exitCode, messages::toString);
    }

    /** The example is the body of a main method, with what its comments say of the variables that it starts from. */
    private static String program(String name, String example) {
        return "package " + name + ";\n" + """
                import io.github.cce4j.*;

                class Example {
                    public static void main(String[] args) {
                        Device device = Device.best();
                        int tokens = 3, classes = 5, hidden = 2;
                        float[] hiddenStates = {1, 2, 3, -4, -5, 6};
                        float[] headWeights = {1, -1, 2, -2, 0.5f, 3, -3, 0.25f, 1.5f, 1};
                        int[] nextTokens = {4, -100, 0};
                """ + example + "}\n}\n";
    }

    private static void requireCleanOutput(String output) {
        assertFalse(output.contains("WARNING"), output);
        assertTrue(output.matches("(?s)loss [0-9.]+\\s*"), output);
    }
}
