package io.github.cce4j.test.abi;

import io.github.cce4j.test.Project;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** cce.h as the system's C compiler sees it. */
final class CHeader {

    private static final Path INCLUDE = Project.root().resolve("native/include");
    private static final Pattern STRUCT = Pattern.compile("typedef struct (cce_\\w+) \\{([^}]*)\\}");
    private static final Pattern FIELD = Pattern.compile("(\\w+);");
    private static final Pattern FUNCTION = Pattern.compile("(\\w+) (cce_\\w+)\\(([^)]*)\\);");
    private static final Pattern CONSTANT = Pattern.compile("#define (CCE_\\w+) \\S.*");

    private CHeader() {}

    /** The names of the fields of every struct, in order. */
    static Map<String, List<String>> structs() {
        Map<String, List<String>> structs = new TreeMap<>();
        Matcher struct = STRUCT.matcher(preprocessed());
        while (struct.find()) {
            structs.put(struct.group(1), FIELD.matcher(struct.group(2)).results().map(field -> field.group(1))
                    .toList());
        }
        return structs;
    }

    /** The types of every function: of its result, then of its arguments; all pointers are "pointer". */
    static Map<String, List<String>> functions() {
        Map<String, List<String>> functions = new TreeMap<>();
        Matcher function = FUNCTION.matcher(preprocessed());
        while (function.find()) {
            List<String> types = new ArrayList<>(List.of(function.group(1)));
            if (!function.group(3).equals("void")) {
                Arrays.stream(function.group(3).split(",")).map(CHeader::type).forEach(types::add);
            }
            functions.put(function.group(2), types);
        }
        return functions;
    }

    /** The names of the macros that have a value. */
    static Set<String> constants() {
        Set<String> names = new TreeSet<>();
        for (String line : run("cc", "-dM", "-E", INCLUDE.resolve("cce.h").toString()).split("\n")) {
            Matcher constant = CONSTANT.matcher(line);
            if (constant.matches()) {
                names.add(constant.group(1));
            }
        }
        return names;
    }

    /** Compiles a main function with the given body after the header, runs it, and gives what it printed. */
    static String print(String body) {
        String program = """
                #include <stddef.h>
                #include <stdio.h>
                #include "cce.h"
                #define KIND(field) _Generic((field), int32_t: "int", int64_t: "long", float: "float", \\
                                             double: "double", void *: "pointer", const void *: "pointer")
                int main(void) {
                """ + body + "    return 0;\n}\n";
        try {
            Path folder = Files.createTempDirectory("cce4j-abi");
            Path source = Files.writeString(folder.resolve("print.c"), program);
            Path binary = folder.resolve("print");
            try {
                run("cc", "-std=c11", "-Wall", "-Werror", "-I", INCLUDE.toString(), source.toString(), "-o",
                        binary.toString());
                return run(binary.toString());
            } finally {
                Files.deleteIfExists(source);
                Files.deleteIfExists(binary);
                Files.delete(folder);
            }
        } catch (IOException e) {
            throw new AssertionError(e);
        }
    }

    private static String type(String argument) {
        return argument.contains("*") ? "pointer" : argument.strip().split(" ")[0];
    }

    private static String preprocessed() {
        return run("cc", "-E", "-P", INCLUDE.resolve("cce.h").toString()).replaceAll("\\s+", " ");
    }

    private static String run(String... command) {
        try {
            Process process = new ProcessBuilder(command).redirectErrorStream(true).start();
            String output = new String(process.getInputStream().readAllBytes());
            if (process.waitFor() != 0) {
                throw new AssertionError(String.join(" ", command) + ":\n" + output);
            }
            return output;
        } catch (IOException | InterruptedException e) {
            throw new AssertionError("cannot run " + String.join(" ", command), e);
        }
    }
}
