package io.github.cce4j.benchmark.libtorch;

import io.github.cce4j.DType;
import java.util.function.Consumer;
import org.bytedeco.javacpp.PointerScope;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;

/** linear, cross_entropy and backward in libtorch: the logits are stored. */
final class LibtorchContender implements Contender {

    private final DType dtype;
    private final Tensor embeddings;
    private final Tensor classifier;
    private final Tensor targets;

    LibtorchContender(Workload workload, DType dtype) {
        this.dtype = dtype;
        embeddings = workload.embeddings(dtype);
        classifier = workload.classifier(dtype);
        targets = workload.targets();
    }

    @Override
    public String name() {
        return "libtorch";
    }

    @Override
    public DType dtype() {
        return dtype;
    }

    @Override
    public Cost step(Consumer<Result> look) {
        try (PointerScope scope = new PointerScope()) {
            long resident = ProcessMemory.resetPeak();
            long start = System.nanoTime();
            Tensor logits = torch.linear(embeddings, classifier);
            Tensor loss = torch.cross_entropy(logits, targets);
            loss.backward();
            double milliseconds = (System.nanoTime() - start) / 1e6;
            Tensor gradE = embeddings.grad();
            Tensor gradC = classifier.grad();
            Cost cost = new Cost(milliseconds, -1, ProcessMemory.peak() - resident - gradE.nbytes() - gradC.nbytes());
            look.accept(new Result(
                    loss.item_float(),
                    new Result.Array(dtype, Workload.memory(gradE)),
                    new Result.Array(dtype, Workload.memory(gradC))));
            return cost;
        } finally {
            embeddings.mutable_grad().reset();
            classifier.mutable_grad().reset();
        }
    }
}
