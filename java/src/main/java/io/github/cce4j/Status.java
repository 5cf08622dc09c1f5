package io.github.cce4j;

/**
 * What went wrong in native code, or on the way to it.
 *
 * {@snippet class="io.github.cce4j.snippets.LossSnippets" region="status"}
 *
 * @see CceException#status()
 */
public enum Status {
    /** An argument is out of its range; nothing was done. */
    INVALID_ARGUMENT(1),
    /** A target is neither a class nor the ignore index; the message has its position and value. */
    TARGET(2),
    /** The device has not that much memory left; the message has what was asked for and what is free. */
    OUT_OF_MEMORY(3),
    /** A buffer is smaller than the computation needs. */
    BUFFER_TOO_SMALL(4),
    /** There is no such device, or the library was built without CUDA. */
    NO_DEVICE(5),
    /** The CUDA runtime or driver failed; the message has its words. */
    CUDA(6),
    /** The state that backward was given does not belong to its problem. */
    STATE(7),
    /** The native library cannot be found, loaded or called; the message says why and what to do. */
    LIBRARY(-1);

    private final int code;

    Status(int code) {
        this.code = code;
    }

    /**
     * The number of this status in {@code cce.h}.
     *
     * @return a {@code CCE_ERROR_*} number, or -1 for {@link #LIBRARY}, which native code does not know
     */
    public int code() {
        return code;
    }
}
