package io.github.cce4j.internal.library;

import java.nio.file.Path;

/** A file to load, and how it was found. */
record LibraryFile(Path path, String source) {}
