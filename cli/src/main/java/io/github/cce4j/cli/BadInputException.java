package io.github.cce4j.cli;

/** What the user gave is wrong: options, files or tensors. The message says what; the exit code is 2. */
public final class BadInputException extends RuntimeException {
    private static final long serialVersionUID = 1;

    public BadInputException(String message) {
        super(message);
    }

    public BadInputException(String message, Throwable cause) {
        super(message, cause);
    }
}
