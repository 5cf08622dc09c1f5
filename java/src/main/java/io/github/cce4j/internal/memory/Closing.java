package io.github.cce4j.internal.memory;

import java.util.ArrayList;
import java.util.List;
import java.util.function.Consumer;

/** What one owner closes together; all of it, whatever fails. */
public final class Closing {
    private final List<Runnable> parts = new ArrayList<>();

    /** Takes over a part. */
    public <T> T add(T part, Consumer<T> close) {
        parts.add(() -> close.accept(part));
        return part;
    }

    public void close() {
        RuntimeException failure = null;
        for (Runnable part : parts) {
            try {
                part.run();
            } catch (RuntimeException e) {
                if (failure == null) {
                    failure = e;
                } else {
                    failure.addSuppressed(e);
                }
            }
        }
        if (failure != null) {
            throw failure;
        }
    }

    /** Closes after a failure, which stays the one to throw. */
    public void closeAfter(Throwable failure) {
        try {
            close();
        } catch (RuntimeException e) {
            failure.addSuppressed(e);
        }
    }
}
