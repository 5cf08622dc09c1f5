package io.github.cce4j.test.contract;

import io.github.cce4j.DType;
import io.github.cce4j.Device;
import io.github.cce4j.Gradient;
import io.github.cce4j.Inputs;
import io.github.cce4j.Tensor;
import io.github.cce4j.test.cases.Case;
import io.github.cce4j.test.cases.Case.Placement;
import io.github.cce4j.test.cases.Data;
import io.github.cce4j.test.cases.Floats;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;

/** The data of a case in a device's memory, placed as the case says. */
public final class Uploaded implements AutoCloseable {

    private final Device device;
    private final Case c;
    private final List<Tensor> tensors = new ArrayList<>();
    private final Inputs inputs;
    private final Tensor gradLoss;
    private final Tensor gradLse;

    public Uploaded(Device device, Case c, Data data) {
        this.device = device;
        this.c = c;
        inputs = new Inputs(
                floats(c.dtype(), data.embeddings(), c.shape().embeddings()),
                floats(c.dtype(), data.classifier(), c.shape().classifier()),
                targets(data.targets()),
                data.bias() == null ? null : floats(c.biasType(), data.bias(), c.shape().classes()),
                data.classWeights() == null ? null : floats(DType.F32, data.classWeights(), c.shape().classes()),
                data.tokenWeights() == null ? null : floats(DType.F32, data.tokenWeights(), c.shape().targets()));
        long[] positions = c.shape().positions(c.shift());
        gradLoss = data.gradLoss() == null ? null : floats(DType.F32, data.gradLoss(),
                switch (c.reduction()) {
                    case NONE -> positions;
                    case MEAN, SUM -> new long[0];
                });
        gradLse = data.gradLse() == null ? null : floats(DType.F32, data.gradLse(), positions);
    }

    public Inputs inputs() {
        return inputs;
    }

    /** Null if the case has none. */
    public Tensor gradLoss() {
        return gradLoss;
    }

    /** Null if the case has none. */
    public Tensor gradLse() {
        return gradLse;
    }

    /** A buffer for a gradient that holds the given values; this object closes it. */
    public Tensor buffer(Gradient gradient, float[] values) {
        long[] shape = switch (gradient) {
            case EMBEDDINGS -> c.shape().embeddings();
            case CLASSIFIER -> c.shape().classifier();
            case BIAS -> new long[] {c.shape().classes()};
        };
        return floats(c.gradientDType(gradient), values, shape);
    }

    /** The values of a tensor of floats, 16-bit ones widened by the test's own hand. */
    public static float[] values(Tensor tensor) {
        if (tensor.dtype() == DType.F32) {
            return tensor.toFloats();
        }
        short[] bits = tensor.toShorts();
        float[] values = new float[bits.length];
        for (int i = 0; i < bits.length; i++) {
            values[i] = Floats.fromBits(tensor.dtype(), bits[i]);
        }
        return values;
    }

    private Tensor floats(DType dtype, float[] values, long... shape) {
        MemorySegment source = dtype == DType.F32 ? MemorySegment.ofArray(values)
                : MemorySegment.ofArray(Floats.toBits(dtype, values));
        return place(dtype, source, shape);
    }

    private Tensor targets(long[] values) {
        if (c.targetType() == DType.I64) {
            return place(DType.I64, MemorySegment.ofArray(values), c.shape().targets());
        }
        int[] narrow = new int[values.length];
        for (int i = 0; i < narrow.length; i++) {
            narrow[i] = (int) values[i];
        }
        return place(DType.I32, MemorySegment.ofArray(narrow), c.shape().targets());
    }

    private Tensor place(DType dtype, MemorySegment source, long... shape) {
        if (c.placement() == Placement.OWNED) {
            return keep(Tensor.copyOf(device, dtype, source, shape));
        }
        Tensor owner = keep(Tensor.allocate(device, dtype, source.byteSize() / dtype.bytes() + 1));
        Tensor view = keep(viewBehind(owner, dtype.bytes(), dtype, shape));
        view.copyFrom(source);
        return view;
    }

    /** A view of an owner's memory, from a byte offset on. */
    private static Tensor viewBehind(Tensor owner, long offset, DType dtype, long... shape) {
        return owner.device().isCuda()
                ? Tensor.view(owner.device(), dtype, MemorySegment.ofAddress(owner.address().address() + offset), shape)
                : Tensor.view(dtype, owner.address().asSlice(offset), shape);
    }

    private Tensor keep(Tensor tensor) {
        tensors.add(tensor);
        return tensor;
    }

    @Override
    public void close() {
        tensors.reversed().forEach(Tensor::close);
    }
}
