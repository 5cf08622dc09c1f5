package io.github.cce4j.test;

import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.concurrent.CyclicBarrier;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;

/** Several threads that start at the same moment. */
public final class Together {

    private Together() {}

    /** Something that one of them does. */
    public interface Action {
        void run() throws Exception;
    }

    /** Runs one action on so many threads, and fails as the first that fails. */
    public static void run(int threads, Action action) {
        run(Collections.nCopies(threads, action));
    }

    /** Runs each action on a thread of its own, and fails as the first that fails. */
    public static void run(List<Action> actions) {
        CyclicBarrier start = new CyclicBarrier(actions.size());
        try (ExecutorService executor = Executors.newFixedThreadPool(actions.size())) {
            List<Future<?>> futures = new ArrayList<>();
            for (Action action : actions) {
                futures.add(executor.submit(() -> {
                    start.await();
                    action.run();
                    return null;
                }));
            }
            for (Future<?> future : futures) {
                future.get();
            }
        } catch (ExecutionException e) {
            throw new AssertionError(e.getCause());
        } catch (InterruptedException e) {
            throw new AssertionError(e);
        }
    }
}
