package io.github.cce4j.cli;

import static io.github.cce4j.DType.BF16;
import static io.github.cce4j.DType.F16;
import static io.github.cce4j.DType.F32;
import static io.github.cce4j.DType.I32;
import static io.github.cce4j.DType.I64;

import io.github.cce4j.DType;
import io.github.cce4j.Device;
import io.github.cce4j.Inputs;
import io.github.cce4j.Tensor;
import io.github.cce4j.cli.safetensors.SafetensorsException;
import io.github.cce4j.cli.safetensors.SafetensorsFile;
import io.github.cce4j.cli.safetensors.TensorInfo;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.EnumSet;
import java.util.List;
import java.util.Map;
import java.util.Set;

/** The tensors of an input file: on the CPU in place, in the mapped file; on a GPU copied to it. */
final class LossInputs implements AutoCloseable {
    private static final Set<DType> FLOATS = EnumSet.of(F32, F16, BF16);
    private static final Map<String, Set<DType>> REQUIRED =
            Map.of("embeddings", FLOATS, "classifier", FLOATS, "targets", EnumSet.of(I32, I64));
    private static final Map<String, Set<DType>> OPTIONAL =
            Map.of("bias", FLOATS, "class_weights", EnumSet.of(F32), "token_weights", EnumSet.of(F32));

    private final Path path;
    private final SafetensorsFile file;
    private final Device device;
    private final List<Tensor> open = new ArrayList<>();
    private Inputs inputs;

    private LossInputs(Path path, SafetensorsFile file, Device device) {
        this.path = path;
        this.file = file;
        this.device = device;
    }

    static LossInputs open(Path path, Device device) throws IOException {
        LossInputs inputs;
        try {
            inputs = new LossInputs(path, SafetensorsFile.open(path), device);
        } catch (SafetensorsException e) {
            throw new BadInputException(path + ": " + e.getMessage(), e);
        } catch (IOException e) {
            throw new BadInputException("cannot read " + path + ": " + Errors.message(e), e);
        }
        try {
            inputs.read();
            return inputs;
        } catch (Throwable e) {
            inputs.close();
            throw e;
        }
    }

    private void read() {
        for (TensorInfo tensor : file.tensors().values()) {
            if (!REQUIRED.containsKey(tensor.name()) && !OPTIONAL.containsKey(tensor.name())) {
                throw new BadInputException(path + ": unknown tensor '" + tensor.name() + "'; known are embeddings, "
                        + "classifier, targets, bias, class_weights, token_weights");
            }
        }
        inputs = new Inputs(required("embeddings"), required("classifier"), required("targets"), optional("bias"),
                optional("class_weights"), optional("token_weights"));
    }

    private Tensor required(String name) {
        TensorInfo tensor = file.tensors().get(name);
        if (tensor == null) {
            throw new BadInputException(
                    path + ": tensor '" + name + "' is missing; it has " + String.join(", ", file.tensors().keySet()));
        }
        return tensor(tensor, REQUIRED.get(name));
    }

    private Tensor optional(String name) {
        TensorInfo tensor = file.tensors().get(name);
        return tensor == null ? null : tensor(tensor, OPTIONAL.get(name));
    }

    private Tensor tensor(TensorInfo info, Set<DType> allowed) {
        DType dtype = ElementTypes.toDType(info.type()).filter(allowed::contains).orElseThrow(() ->
                new BadInputException(
                        path + ": tensor '" + info.name() + "' is " + info.type() + "; it must be one of " + allowed));
        MemorySegment data = file.data(info);
        // The format does not promise alignment.
        boolean aligned = data.address() % dtype.bytes() == 0;
        Tensor tensor = aligned && !device.isCuda()
                ? Tensor.view(dtype, data, info.shape())
                : Tensor.copyOf(device, dtype, data, info.shape());
        open.add(tensor);
        return tensor;
    }

    Inputs inputs() {
        return inputs;
    }

    @Override
    public void close() {
        open.forEach(Tensor::close);
        file.close();
    }
}
