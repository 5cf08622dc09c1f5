package io.github.cce4j.benchmark.libtorch;

import io.github.cce4j.DType;
import io.github.cce4j.benchmark.Shape;
import java.lang.foreign.MemorySegment;
import java.util.EnumMap;
import java.util.Map;
import org.bytedeco.pytorch.NoGradGuard;
import org.bytedeco.pytorch.Scalar;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.TensorOptions;
import org.bytedeco.pytorch.global.torch.ScalarType;
import org.bytedeco.pytorch.global.torch;

/** Random inputs in libtorch's memory, the same values for both contenders; bf16 is the rounded fp32. */
final class Workload {

    private final Shape shape;
    private final Tensor targets;
    private final Map<DType, Tensor> embeddings = new EnumMap<>(DType.class);
    private final Map<DType, Tensor> classifier = new EnumMap<>(DType.class);

    Workload(Shape shape, long seed) {
        this.shape = shape;
        torch.manual_seed(seed);
        try (NoGradGuard noGraph = new NoGradGuard()) {
            // fp32 holds bf16 values, so that both dtypes have the same exact result.
            Tensor e = torch.randn(shape.tokens(), shape.hidden()).to(ScalarType.BFloat16);
            Tensor c = torch.randn(shape.classes(), shape.hidden())
                    .mul_(new Scalar(1 / Math.sqrt(shape.hidden())))
                    .to(ScalarType.BFloat16);
            embeddings.put(DType.BF16, e);
            classifier.put(DType.BF16, c);
            embeddings.put(DType.F32, e.to(ScalarType.Float));
            classifier.put(DType.F32, c.to(ScalarType.Float));
            targets = torch.randint(
                    shape.classes(), new long[] {shape.tokens()}, new TensorOptions(ScalarType.Long));
        }
        embeddings.values().forEach(tensor -> tensor.requires_grad_(true));
        classifier.values().forEach(tensor -> tensor.requires_grad_(true));
    }

    Shape shape() {
        return shape;
    }

    Tensor embeddings(DType dtype) {
        return embeddings.get(dtype);
    }

    Tensor classifier(DType dtype) {
        return classifier.get(dtype);
    }

    Tensor targets() {
        return targets;
    }

    static MemorySegment memory(Tensor tensor) {
        return MemorySegment.ofAddress(tensor.data_ptr().address()).reinterpret(tensor.nbytes());
    }
}
