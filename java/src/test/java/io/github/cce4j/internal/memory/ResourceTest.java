package io.github.cce4j.internal.memory;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

@Timeout(60)
class ResourceTest {
    private final AtomicInteger freed = new AtomicInteger();
    private final Resource resource = Resource.owned(() -> "the thing", freed::incrementAndGet);

    @AfterEach
    void forgetNothing() {
        resource.close();
    }

    @Test
    void isFreedOnceHoweverOftenItIsClosed() throws InterruptedException {
        List<Thread> closers = new ArrayList<>();
        for (int i = 0; i < 8; i++) {
            closers.add(Thread.ofPlatform().start(() -> {
                resource.close();
                assertEquals(1, freed.get(), "close returned before the resource was freed");
            }));
        }
        for (Thread closer : closers) {
            closer.join();
        }
        assertEquals(1, freed.get());
        assertTrue(resource.isClosed());
    }

    @Test
    void cannotBeUsedOnceClosed() {
        resource.close();
        IllegalStateException refusal = assertThrows(IllegalStateException.class, resource::acquire);
        assertEquals("the thing is closed", refusal.getMessage());
        assertFalse(resource.acquireUnlessClosed());
    }

    @Test
    void closingWaitsForUsersAndKeepsNewOnesOut() throws InterruptedException {
        resource.acquire();
        resource.acquire();
        Thread closer = Thread.ofPlatform().start(resource::close);
        while (resource.isOpen()) {
            Thread.onSpinWait();
        }
        assertThrows(IllegalStateException.class, resource::acquire);
        resource.release();
        closer.join(50);
        assertEquals(0, freed.get(), "freed while in use");
        resource.release();
        closer.join();
        assertEquals(1, freed.get());
    }

    @Test
    void anInterruptDoesNotStopClosingAndIsNotLost() throws InterruptedException {
        resource.acquire();
        AtomicBoolean interrupted = new AtomicBoolean();
        CountDownLatch started = new CountDownLatch(1);
        Thread closer = Thread.ofPlatform().start(() -> {
            Thread.currentThread().interrupt();
            started.countDown();
            resource.close();
            interrupted.set(Thread.interrupted());
        });
        started.await();
        closer.join(50);
        assertEquals(0, freed.get());
        resource.release();
        closer.join();
        assertEquals(1, freed.get());
        assertTrue(interrupted.get());
    }

    @Test
    void whatIsForgottenIsFreedAndCounted() throws InterruptedException {
        long before = Resource.cleanedCount();
        AtomicInteger freedForgotten = new AtomicInteger();
        Resource.owned(() -> "forgotten", freedForgotten::incrementAndGet);
        Resource.borrowed(() -> "not ours", freedForgotten::incrementAndGet);
        while (freedForgotten.get() == 0) {
            System.gc();
            Thread.sleep(10);
        }
        assertEquals(1, Resource.cleanedCount() - before);
        resource.close();
        assertEquals(1, Resource.cleanedCount() - before, "an explicit close was counted");
    }

    @Test
    void aFailureToFreeDoesNotHangOthers() {
        Resource failing = Resource.owned(() -> "failing", () -> {
            throw new IllegalArgumentException("no");
        });
        assertThrows(IllegalArgumentException.class, failing::close);
        failing.close();
        assertTrue(failing.isClosed());
    }
}
