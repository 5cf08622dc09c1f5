package io.github.cce4j.test.misuse;

import static org.junit.jupiter.api.Assertions.assertFalse;

import io.github.cce4j.Backward;
import io.github.cce4j.CutCrossEntropy;
import io.github.cce4j.DType;
import io.github.cce4j.Event;
import io.github.cce4j.Forward;
import io.github.cce4j.Gradient;
import io.github.cce4j.Gradients;
import io.github.cce4j.Output;
import io.github.cce4j.Stream;
import io.github.cce4j.Tensor;
import io.github.cce4j.test.Devices;
import java.lang.foreign.MemorySegment;
import java.util.List;
import java.util.function.Function;
import org.junit.jupiter.api.DynamicNode;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.TestFactory;
import org.junit.jupiter.api.function.Executable;

/** What is closed can be closed again, and not used: never a crash, always an IllegalStateException. */
@Tag("contract")
class ClosedTest {

    @TestFactory
    java.util.stream.Stream<DynamicNode> closedInputsAreRefused() {
        List<Function<Problem, Tensor>> inputs = List.of(p -> p.embeddings, p -> p.classifier, p -> p.targets,
                p -> p.bias, p -> p.classWeights, p -> p.tokenWeights);
        return Devices.each("input", inputs, (device, input) -> {
            CutCrossEntropy loss = CutCrossEntropy.create();
            try (Problem p = new Problem(device); Forward forward = loss.forward(p.inputs())) {
                input.apply(p).close();
                Refusal.illegalState(() -> loss.forward(p.inputs()), "closed");
                Refusal.illegalState(() -> loss.plan(p.inputs()), "closed");
                Refusal.illegalState(forward::backward, "closed");
            }
        });
    }

    @TestFactory
    java.util.stream.Stream<DynamicNode> aClosedTensorIsOfNoUse() {
        return Devices.each(device -> {
            Tensor tensor = Tensor.copyOf(device, new float[] {1, 2}, 2);
            Tensor other = Tensor.copyOf(device, new float[] {3, 4}, 2);
            Tensor sameMemory = tensor.as(1, 2);
            tensor.close();
            tensor.close();
            assertFalse(tensor.isOpen());
            assertFalse(sameMemory.isOpen());
            List<Executable> uses = List.of(
                    tensor::toFloats, tensor::zero, () -> tensor.copyTo(new float[2]),
                    () -> tensor.copyFrom(new float[2]),
                    () -> tensor.copyTo(MemorySegment.ofArray(new float[2])), tensor::address, () -> tensor.as(2, 1),
                    () -> tensor.copyFrom(MemorySegment.ofArray(new float[2])), () -> tensor.copyFrom(other),
                    () -> other.copyFrom(tensor), sameMemory::toFloats);
            for (Executable use : uses) {
                Refusal.illegalState(use, "closed");
            }
            other.close();
        });
    }

    @TestFactory
    java.util.stream.Stream<DynamicNode> resultsEndWithTheirForward() {
        return Devices.each(device -> {
            CutCrossEntropy loss = CutCrossEntropy.builder().outputs(Output.ARGMAX, Output.ENTROPY).build();
            try (Problem p = new Problem(device)) {
                Forward forward = loss.forward(p.inputs());
                List<Tensor> results = List.of(forward.loss(), forward.lse(), forward.targetLogit(), forward.argmax(),
                        forward.entropy());
                forward.close();
                forward.close();
                for (Tensor result : results) {
                    Refusal.illegalState(result::address, "closed");
                    MemorySegment copy = MemorySegment.ofArray(new byte[(int) result.byteSize()]);
                    Refusal.illegalState(() -> result.copyTo(copy), "closed");
                }
                Refusal.illegalState(forward::item, "closed");
                Refusal.illegalState(forward::check, "closed");
                Refusal.illegalState(forward::validPositions, "closed");
                Refusal.illegalState(forward::backward, "closed");
            }
        });
    }

    @TestFactory
    java.util.stream.Stream<DynamicNode> gradientsOutliveTheirForward() {
        return Devices.each(device -> {
            try (Problem p = new Problem(device)) {
                Forward forward = CutCrossEntropy.create().forward(p.inputs());
                Gradients gradients = forward.backward();
                forward.close();
                Tensor classifier = gradients.classifier();
                classifier.toFloats();
                gradients.close();
                gradients.close();
                Refusal.illegalState(classifier::toFloats, "closed");
            }
        });
    }

    @TestFactory
    java.util.stream.Stream<DynamicNode> closedStreamsAndEventsAreRefused() {
        return Devices.each(device -> {
            Stream stream = device.newStream();
            Event event = stream.record();
            stream.close();
            stream.close();
            CutCrossEntropy loss = CutCrossEntropy.builder().stream(stream).build();
            try (Problem p = new Problem(device)) {
                Refusal.illegalState(() -> loss.forward(p.inputs()), "closed");
            }
            Refusal.illegalState(stream::synchronize, "closed");
            Refusal.illegalState(stream::record, "closed");
            event.close();
            event.close();
            Refusal.illegalState(event::synchronize, "closed");
            Refusal.illegalState(() -> device.defaultStream().waitFor(event), "closed");
        });
    }

    @TestFactory
    java.util.stream.Stream<DynamicNode> aStreamCanEndBeforeItsResults() {
        return Devices.each(device -> {
            try (Problem p = new Problem(device)) {
                Forward forward;
                try (Stream stream = device.newStream()) {
                    forward = CutCrossEntropy.builder().stream(stream).build().forward(p.inputs());
                }
                try (forward) {
                    forward.loss().toFloats();
                }
            }
        });
    }

    @TestFactory
    java.util.stream.Stream<DynamicNode> closedBuffersAreRefused() {
        return Devices.each(device -> {
            try (Problem p = new Problem(device); Forward forward = CutCrossEntropy.create().forward(p.inputs())) {
                Tensor buffer = Tensor.allocate(device, DType.F32, Problem.CLASSES, Problem.HIDDEN);
                Tensor gradLoss = Tensor.copyOf(device, new float[] {1});
                buffer.close();
                gradLoss.close();
                Refusal.illegalState(() -> forward.backward(
                        Backward.all().into(Gradient.CLASSIFIER, buffer)), "closed");
                Refusal.illegalState(() -> forward.backward(Backward.all().gradLoss(gradLoss)), "closed");
            }
        });
    }
}
