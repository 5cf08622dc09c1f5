package io.github.cce4j.cli.train;

/** A text and the name of its file. */
record Document(String name, String text) {
}
