package io.github.cce4j.cli.train;

/** A text and the name of its file. */
public record Document(String name, String text) {
}
