package io.github.cce4j.cli;

import io.github.cce4j.Backward;
import io.github.cce4j.CutCrossEntropy;
import io.github.cce4j.DType;
import io.github.cce4j.Device;
import io.github.cce4j.FilterReport;
import io.github.cce4j.Forward;
import io.github.cce4j.GradientFilter;
import io.github.cce4j.Gradients;
import io.github.cce4j.Inputs;
import io.github.cce4j.Reduction;
import java.io.IOException;
import java.nio.file.Path;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/** {@code cce4j loss}. */
@Command(name = "loss", sortOptions = false,
        description = {"Compute loss and gradients of tensors in a safetensors file and print one JSON line.", "",
            "Input tensors, F32, F16 or BF16: embeddings (N, D) or (B, T, D), classifier (V, D), optionally bias (V); "
                + "targets (N) or (B, T), I32 or I64; optionally class_weights (V) and token_weights (as targets), "
                + "F32.",
            "Output tensors: loss, lse, grad_embeddings, grad_classifier, grad_bias.", ""})
final class LossCommand implements Callable<Integer> {
    /** Type of the gradients. */
    enum GradientType { INPUT, F32 }

    @Option(names = "--input", required = true, paramLabel = "IN.safetensors", description = "The tensors.")
    Path input;

    @Option(names = "--output", paramLabel = "OUT.safetensors",
            description = "Where loss, lse and gradients go. Default: nowhere, only the JSON line is printed.")
    Path output;

    @Option(names = "--device", paramLabel = "cpu|cuda:K|best", defaultValue = "best",
            description = "Where to compute. Default: ${DEFAULT-VALUE}.")
    String deviceName;

    @Mixin
    LossOptions options;

    @Option(names = "--no-gradients", description = "Compute the loss alone.")
    boolean noGradients;

    @Option(names = "--grad-dtype", paramLabel = "input|f32", defaultValue = "input",
            description = "Type of the gradients: as their input, or F32. Default: ${DEFAULT-VALUE}.")
    GradientType gradientType;

    @Spec
    CommandSpec spec;

    @Override
    public Integer call() throws IOException {
        Device device = Devices.find(deviceName);
        CutCrossEntropy.Builder builder = options.configure();
        CutCrossEntropy crossEntropy = noGradients ? builder.gradients().build() : builder.build();
        device.resetPeakMemory();
        try (LossInputs in = LossInputs.open(input, device)) {
            LossReport report = compute(device, crossEntropy, in.inputs());
            spec.commandLine().getOut().println(Json.line(report));
            spec.commandLine().getOut().flush();
        }
        return 0;
    }

    private LossReport compute(Device device, CutCrossEntropy crossEntropy, Inputs inputs) throws IOException {
        long start = System.nanoTime();
        try (Forward forward = forward(crossEntropy, inputs)) {
            long tokens = forward.validPositions();
            long nanoseconds = System.nanoTime() - start;
            FilterReport filter = null;
            try (LossOutput out = output == null
                    ? null : LossOutput.create(output, forward, inputs, !noGradients, gradients())) {
                if (!noGradients) {
                    start = System.nanoTime();
                    filter = backward(device, forward, out);
                    nanoseconds += System.nanoTime() - start;
                }
                if (out != null) {
                    out.commit(forward);
                }
            }
            return new LossReport(loss(forward), tokens, device.toString(), Math.round(nanoseconds / 1e3) / 1e3,
                    device.memoryUsage().peakBytes(), filter);
        }
    }

    private Forward forward(CutCrossEntropy crossEntropy, Inputs inputs) {
        try {
            return crossEntropy.forward(inputs);
        } catch (IllegalArgumentException e) {
            throw new BadInputException(input + ": " + e.getMessage(), e);
        }
    }

    private FilterReport backward(Device device, Forward forward, LossOutput out) {
        boolean filtered = !options.filter.get().equals(GradientFilter.none());
        Backward request = Backward.all().filterReport(filtered);
        if (gradients() != null) {
            request = request.dtype(gradients());
        }
        if (out != null) {
            request = out.receive(request);
        }
        try (Gradients gradients = forward.backward(request)) {
            device.synchronize();
            if (out != null) {
                out.store(gradients);
            }
            return filtered ? gradients.filterReport() : null;
        }
    }

    private DType gradients() {
        return gradientType == GradientType.F32 ? DType.F32 : null;
    }

    /** The scalar as the float that it is; for none the sum, in double. */
    private Number loss(Forward forward) {
        if (options.reduction != Reduction.NONE) {
            return forward.item();
        }
        double sum = 0;
        for (float loss : forward.loss().toFloats()) {
            sum += loss;
        }
        return sum;
    }
}
