package io.github.cce4j.cli;

import io.github.cce4j.Backward;
import io.github.cce4j.DType;
import io.github.cce4j.Device;
import io.github.cce4j.Forward;
import io.github.cce4j.Gradient;
import io.github.cce4j.Gradients;
import io.github.cce4j.Inputs;
import io.github.cce4j.Tensor;
import io.github.cce4j.cli.safetensors.SafetensorsWriter;
import io.github.cce4j.cli.safetensors.TensorInfo;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;

/** The output file: on the CPU the gradients are computed right into it, from a GPU they are copied. */
final class LossOutput implements AutoCloseable {
    private final Device device;
    private final SafetensorsWriter writer;
    private final Map<Gradient, TensorInfo> gradients;
    private final List<Tensor> views = new ArrayList<>();

    private LossOutput(Device device, SafetensorsWriter writer, Map<Gradient, TensorInfo> gradients) {
        this.device = device;
        this.writer = writer;
        this.gradients = gradients;
    }

    /**
     * Begins the file for the results of a forward pass.
     *
     * @param gradientType the gradients' type, null for their inputs'
     */
    static LossOutput create(Path path, Forward forward, Inputs inputs, boolean withGradients, DType gradientType)
            throws IOException {
        Map<Gradient, TensorInfo> gradients = new EnumMap<>(Gradient.class);
        if (withGradients) {
            gradients.put(Gradient.EMBEDDINGS, like("grad_embeddings", inputs.embeddings(), gradientType));
            gradients.put(Gradient.CLASSIFIER, like("grad_classifier", inputs.classifier(), gradientType));
            if (inputs.bias() != null) {
                gradients.put(Gradient.BIAS, like("grad_bias", inputs.bias(), gradientType));
            }
        }
        List<TensorInfo> tensors = new ArrayList<>();
        tensors.add(like("loss", forward.loss(), null));
        tensors.add(like("lse", forward.lse(), null));
        tensors.addAll(gradients.values());
        return new LossOutput(inputs.embeddings().device(), SafetensorsWriter.create(path, tensors), gradients);
    }

    private static TensorInfo like(String name, Tensor tensor, DType dtype) {
        return TensorInfo.of(name, ElementTypes.of(dtype == null ? tensor.dtype() : dtype), tensor.shape());
    }

    /** The request, with this file as the place for its gradients where the device can write there. */
    Backward receive(Backward request) {
        if (device.isCuda()) {
            return request;
        }
        for (var entry : gradients.entrySet()) {
            TensorInfo tensor = entry.getValue();
            Tensor view = Tensor.view(
                    ElementTypes.toDType(tensor.type()).orElseThrow(), writer.data(tensor.name()), tensor.shape());
            views.add(view);
            request = request.into(entry.getKey(), view);
        }
        return request;
    }

    /** Copies the gradients that could not be computed in place. */
    void store(Gradients computed) {
        if (!device.isCuda()) {
            return;
        }
        gradients.forEach((gradient, tensor) -> {
            Tensor source = switch (gradient) {
                case EMBEDDINGS -> computed.embeddings();
                case CLASSIFIER -> computed.classifier();
                case BIAS -> computed.bias();
            };
            source.copyTo(writer.data(tensor.name()));
        });
    }

    /** Writes the losses and finishes the file. */
    void commit(Forward forward) throws IOException {
        forward.loss().copyTo(writer.data("loss"));
        forward.lse().copyTo(writer.data("lse"));
        writer.commit();
    }

    @Override
    public void close() throws IOException {
        views.forEach(Tensor::close);
        writer.close();
    }
}
