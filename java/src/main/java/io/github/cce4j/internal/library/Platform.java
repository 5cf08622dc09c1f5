package io.github.cce4j.internal.library;

import java.util.List;
import java.util.Locale;

/** The operating system and processor that this JVM runs on, named as the folders of the native jars. */
final class Platform {
    /** Those that jars are made for. */
    static final List<String> SUPPORTED = List.of("linux-x86_64", "linux-aarch64");

    private Platform() {}

    static String current() {
        return name(System.getProperty("os.name"), System.getProperty("os.arch"));
    }

    static String name(String os, String architecture) {
        String processor =
                switch (architecture) {
                    case "amd64", "x86_64" -> "x86_64";
                    case "aarch64", "arm64" -> "aarch64";
                    default -> architecture;
                };
        return os.toLowerCase(Locale.ROOT).replace(' ', '_') + "-" + processor;
    }
}
