package io.github.cce4j;

import java.util.Objects;

/**
 * A failure that only native code could find, or a native library that cannot be loaded.
 *
 * <p>What Java can tell before the call is reported by the usual exceptions: {@link NullPointerException},
 * {@link IllegalArgumentException} (shapes, dtypes, devices, read-only memory) and {@link IllegalStateException}
 * (something is closed).
 *
 * {@snippet class="io.github.cce4j.snippets.LossSnippets" region="status"}
 */
public final class CceException extends RuntimeException {
    private static final long serialVersionUID = 1L;

    /** The kind of failure. */
    private final Status status;

    /**
     * Makes an exception without a cause.
     *
     * @param status the kind of failure
     * @param message what went wrong, with the values
     */
    public CceException(Status status, String message) {
        this(status, message, null);
    }

    /**
     * Makes an exception.
     *
     * @param status the kind of failure
     * @param message what went wrong, with the values
     * @param cause what led to it, or null
     */
    public CceException(Status status, String message, Throwable cause) {
        super(message, cause);
        this.status = Objects.requireNonNull(status, "status");
    }

    /**
     * The kind of failure.
     *
     * @return the status, never null
     */
    public Status status() {
        return status;
    }
}
