package io.github.cce4j.internal.memory;

import io.github.cce4j.internal.downcall.DeviceCalls;
import java.util.concurrent.locks.ReadWriteLock;
import java.util.concurrent.locks.ReentrantReadWriteLock;

/**
 * Keeps the number of CPU threads as it is while calls run: how large a workspace must be depends on it, so it must not
 * change between the measuring and the use.
 */
public final class CpuThreads {
    private static final ReadWriteLock LOCK = new ReentrantReadWriteLock();

    private CpuThreads() {}

    /** Waits for the calls that run on the CPU. */
    public static void set(int threads) {
        LOCK.writeLock().lock();
        try {
            DeviceCalls.setCpuThreads(threads);
        } finally {
            LOCK.writeLock().unlock();
        }
    }

    static void hold() {
        LOCK.readLock().lock();
    }

    static void letGo() {
        LOCK.readLock().unlock();
    }
}
