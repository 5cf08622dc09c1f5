package io.github.cce4j.cli.safetensors;

import java.io.IOException;

/** A file that is not valid safetensors; the message says what is wrong and, where there is one, with which tensor. */
public final class SafetensorsException extends IOException {
    private static final long serialVersionUID = 1;

    public SafetensorsException(String message) {
        super(message);
    }

    public SafetensorsException(String message, Throwable cause) {
        super(message, cause);
    }
}
