package io.github.cce4j.benchmark.libtorch;

import io.github.cce4j.CutCrossEntropy;
import io.github.cce4j.DType;
import io.github.cce4j.Device;
import io.github.cce4j.Forward;
import io.github.cce4j.GradientFilter;
import io.github.cce4j.Gradients;
import io.github.cce4j.Tensor;
import io.github.cce4j.benchmark.Shape;
import java.util.function.Consumer;

/** CutCrossEntropy on the CPU, exact gradients, through the Java layer. */
final class Cce4jContender implements Contender {

    private final CutCrossEntropy crossEntropy = CutCrossEntropy.builder().filter(GradientFilter.none()).build();
    private final DType dtype;
    private final Tensor embeddings;
    private final Tensor classifier;
    private final Tensor targets;

    Cce4jContender(Workload workload, DType dtype) {
        Shape shape = workload.shape();
        this.dtype = dtype;
        embeddings = Tensor.view(
                dtype, Workload.memory(workload.embeddings(dtype)), shape.tokens(), shape.hidden());
        classifier = Tensor.view(
                dtype, Workload.memory(workload.classifier(dtype)), shape.classes(), shape.hidden());
        targets = Tensor.view(DType.I64, Workload.memory(workload.targets()), shape.tokens());
    }

    @Override
    public String name() {
        return "cce4j";
    }

    @Override
    public DType dtype() {
        return dtype;
    }

    @Override
    public Cost step(Consumer<Result> look) {
        Device device = Device.cpu();
        long resident = ProcessMemory.resetPeak();
        device.resetPeakMemory();
        long live = device.memoryUsage().liveBytes();
        long start = System.nanoTime();
        try (Forward forward = crossEntropy.forward(embeddings, classifier, targets);
                Gradients gradients = forward.backward()) {
            double milliseconds = (System.nanoTime() - start) / 1e6;
            long gradientBytes = gradients.embeddings().byteSize() + gradients.classifier().byteSize();
            Cost cost = new Cost(
                    milliseconds,
                    device.memoryUsage().peakBytes() - live - gradientBytes,
                    ProcessMemory.peak() - resident - gradientBytes);
            look.accept(new Result(
                    forward.item(),
                    new Result.Array(dtype, gradients.embeddings().address()),
                    new Result.Array(dtype, gradients.classifier().address())));
            return cost;
        }
    }
}
