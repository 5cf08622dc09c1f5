package io.github.cce4j.test.misuse;

import io.github.cce4j.CutCrossEntropy;
import io.github.cce4j.DType;
import io.github.cce4j.Device;
import io.github.cce4j.Forward;
import io.github.cce4j.Gradients;
import io.github.cce4j.Tensor;
import io.github.cce4j.test.Devices;
import io.github.cce4j.test.Together;
import java.lang.foreign.Arena;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.stream.Stream;
import org.junit.jupiter.api.Assertions;
import org.junit.jupiter.api.DynamicNode;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestFactory;

/**
 * Threads that close what other threads are using: each call either works on open memory or is refused. The classifier
 * is so large that an allocator gives it back to the system when it is freed, and a late use of it crashes.
 */
@Tag("contract")
class CompanyTest {

    private static final int ROUNDS = 20;
    private static final int CLASSES = 32_768;
    private static final int HIDDEN = 64;
    private static final CutCrossEntropy LOSS = CutCrossEntropy.create();

    @TestFactory
    Stream<DynamicNode> inputsClosedInFlight() {
        return Devices.each(device -> {
            for (int round = 0; round < ROUNDS; round++) {
                try (Large p = new Large(device)) {
                    Together.Action work = () -> workOrRefuse(() -> {
                        try (Forward forward = p.forward(LOSS); Gradients gradients = forward.backward()) {
                            gradients.classifier().toFloats();
                        }
                    });
                    Together.run(List.of(work, work, work, p.classifier::close, p.classifier::close));
                }
            }
        });
    }

    @TestFactory
    Stream<DynamicNode> resultsClosedInFlight() {
        return Devices.each(device -> {
            for (int round = 0; round < ROUNDS; round++) {
                try (Large p = new Large(device)) {
                    Forward forward = p.forward(LOSS);
                    List<Together.Action> actions = new ArrayList<>();
                    for (int i = 0; i < 3; i++) {
                        actions.add(() -> workOrRefuse(() -> {
                            forward.lse().toFloats();
                            try (Gradients gradients = forward.backward()) {
                                gradients.embeddings().toFloats();
                            }
                        }));
                    }
                    actions.add(forward::close);
                    actions.add(forward::close);
                    Together.run(actions);
                }
            }
        });
    }

    @TestFactory
    Stream<DynamicNode> streamsClosedInFlight() {
        return Devices.each(device -> {
            for (int round = 0; round < ROUNDS; round++) {
                try (Large p = new Large(device)) {
                    io.github.cce4j.Stream stream = device.newStream();
                    CutCrossEntropy loss = CutCrossEntropy.builder().stream(stream).build();
                    Together.Action work = () -> workOrRefuse(() -> {
                        try (Forward forward = p.forward(loss); Gradients gradients = forward.backward()) {
                            gradients.classifier().toFloats();
                        }
                    });
                    Together.run(List.of(work, work, stream::close));
                }
            }
        });
    }

    @Test
    void anArenaCannotCloseUnderACall() {
        for (int round = 0; round < ROUNDS; round++) {
            try (Large p = new Large(Device.cpu())) {
                Arena arena = Arena.ofShared();
                Tensor view = Tensor.view(DType.F32, arena.allocate(p.classifier.byteSize(), 64), CLASSES, HIDDEN);
                view.copyFrom(p.classifier);
                Together.Action work = () -> workOrRefuse(() -> LOSS.forward(p.embeddings, view, p.targets).close());
                Together.run(List.of(work, work, () -> closeWhenFree(arena)));
            }
        }
    }

    private static void workOrRefuse(Runnable work) {
        try {
            for (int i = 0; i < 10; i++) {
                work.run();
            }
        } catch (IllegalStateException e) {
            Assertions.assertTrue(e.getMessage().contains("closed"), e::toString);
        }
    }

    /** The arena says so while a call is using it. */
    private static void closeWhenFree(Arena arena) {
        while (arena.scope().isAlive()) {
            try {
                arena.close();
            } catch (IllegalStateException e) {
                Thread.onSpinWait();
            }
        }
    }

    private static final class Large implements AutoCloseable {
        private final Tensor embeddings;
        private final Tensor classifier;
        private final Tensor targets;

        Large(Device device) {
            embeddings = Tensor.copyOf(device, Problem.normal(new Random(1), 4 * HIDDEN), 4, HIDDEN);
            classifier = Tensor.copyOf(device, Problem.normal(new Random(2), CLASSES * HIDDEN), CLASSES, HIDDEN);
            targets = Tensor.copyOf(device, new long[] {0, CLASSES - 1, 77, 4096}, 4);
        }

        Forward forward(CutCrossEntropy loss) {
            return loss.forward(embeddings, classifier, targets);
        }

        @Override
        public void close() {
            embeddings.close();
            classifier.close();
            targets.close();
        }
    }
}
