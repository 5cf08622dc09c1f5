package io.github.cce4j.internal.memory;

import java.lang.ref.Cleaner;
import java.util.concurrent.atomic.LongAdder;
import java.util.function.BooleanSupplier;
import java.util.function.Supplier;

/**
 * The life of something native: used by any number of threads at once, and closed once. Between {@link #acquire} and
 * {@link #release} it cannot go away, since {@link #close} waits.
 */
public final class Resource {
    private static final Cleaner CLEANER = Cleaner.create();
    private static final LongAdder CLEANED = new LongAdder();

    private final Supplier<String> name;
    private final End end;
    private final Runnable atEnd;

    private int users;
    private boolean closing;
    private boolean closed;

    private Resource(Supplier<String> name, Runnable end, boolean owned) {
        this.name = name;
        this.end = new End(end);
        this.atEnd = owned ? CLEANER.register(this, this.end)::clean : this.end;
    }

    /**
     * Something that must be freed: if it is never closed, the garbage collector sees to it, and it is counted.
     *
     * @param name what it is, for messages
     * @param free frees it; must not refer to the resource or anything that does
     */
    public static Resource owned(Supplier<String> name, Runnable free) {
        return new Resource(name, free, true);
    }

    /** Something that belongs to others: {@code leave} runs when it is closed, and never if it is forgotten. */
    public static Resource borrowed(Supplier<String> name, Runnable leave) {
        return new Resource(name, leave, false);
    }

    /** Resources that nobody closed and the garbage collector had to free. */
    public static long cleanedCount() {
        return CLEANED.sum();
    }

    /** @throws IllegalStateException if it is closed or about to be */
    public void acquire() {
        if (!tryAcquire()) {
            throw new IllegalStateException(this + " is closed");
        }
    }

    /** As {@link #acquire}, but returns false; then the resource is closed entirely, whichever thread does it. */
    boolean acquireUnlessClosed() {
        if (tryAcquire()) {
            return true;
        }
        awaitEnd();
        return false;
    }

    private synchronized boolean tryAcquire() {
        if (!closing) {
            users++;
        }
        return !closing;
    }

    public synchronized void release() {
        users--;
        if (users == 0) {
            notifyAll();
        }
    }

    public synchronized boolean isOpen() {
        return !closing;
    }

    /** True from the moment that it is gone. */
    synchronized boolean isClosed() {
        return closed;
    }

    /** Waits until nobody uses it, and ends it. Every call returns when that is done, whichever call does it. */
    public void close() {
        close(() -> {});
    }

    /** The same; {@code before} runs when nobody uses it any more. */
    void close(Runnable before) {
        if (!beginClose()) {
            awaitEnd();
            return;
        }
        try {
            before.run();
            end.explicit = true;
            atEnd.run();
        } finally {
            synchronized (this) {
                closed = true;
                notifyAll();
            }
        }
    }

    /** True for the one call that has to do the work. */
    private synchronized boolean beginClose() {
        if (closing) {
            return false;
        }
        closing = true;
        awaitThat(() -> users == 0);
        return true;
    }

    private synchronized void awaitEnd() {
        awaitThat(() -> closed);
    }

    private void awaitThat(BooleanSupplier condition) {
        boolean interrupted = false;
        while (!condition.getAsBoolean()) {
            try {
                wait();
            } catch (InterruptedException e) {
                interrupted = true; // closing cannot stop half-way: tell the thread afterwards
            }
        }
        if (interrupted) {
            Thread.currentThread().interrupt();
        }
    }

    @Override
    public String toString() {
        return name.get();
    }

    private static final class End implements Runnable {
        private final Runnable action;
        private volatile boolean explicit;

        End(Runnable action) {
            this.action = action;
        }

        @Override
        public void run() {
            if (!explicit) {
                CLEANED.increment();
            }
            action.run();
        }
    }
}
