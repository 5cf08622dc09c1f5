package io.github.cce4j.test;

import java.nio.file.Files;
import java.nio.file.Path;

/** The source tree that the tests were built from. */
public final class Project {

    private Project() {}

    public static Path root() {
        Path root = Path.of(System.getProperty("cce4j.root", "..")).toAbsolutePath().normalize();
        if (!Files.isRegularFile(root.resolve("native/include/cce.h"))) {
            throw new AssertionError("-Dcce4j.root must be the root of the source tree, but is " + root);
        }
        return root;
    }
}
