package io.github.cce4j.test.contract;

import io.github.cce4j.Backward;
import io.github.cce4j.CutCrossEntropy;
import io.github.cce4j.DType;
import io.github.cce4j.Device;
import io.github.cce4j.FilterReport;
import io.github.cce4j.Forward;
import io.github.cce4j.Gradient;
import io.github.cce4j.Gradients;
import io.github.cce4j.Output;
import io.github.cce4j.Tensor;
import io.github.cce4j.test.cases.Case;
import io.github.cce4j.test.cases.Case.Destination;
import io.github.cce4j.test.cases.Case.GradientType;
import io.github.cce4j.test.cases.Data;
import io.github.cce4j.test.cases.Filter;
import io.github.cce4j.test.oracle.Result;
import java.util.Arrays;
import java.util.EnumMap;
import java.util.Map;

/** Runs a case through the public Java API. */
public final class SafeCall {

    private SafeCall() {}

    public static Result run(Device device, Case c, Data data) {
        return run(device, c, data, c.configuration().build());
    }

    /** With a configuration that says what the case does, and perhaps on which stream. */
    public static Result run(Device device, Case c, Data data, CutCrossEntropy configuration) {
        try (Uploaded in = new Uploaded(device, c, data); Forward forward = configuration.forward(in.inputs())) {
            return result(c, data, in, forward);
        }
    }

    private static Result result(Case c, Data data, Uploaded in, Forward forward) {
        Map<Gradient, float[]> values = new EnumMap<>(Gradient.class);
        FilterReport report = null;
        if (!c.gradients().isEmpty()) {
            try (Gradients gradients = forward.backward(request(c, data, in))) {
                for (Gradient gradient : c.gradients()) {
                    Tensor tensor = of(gradients, gradient);
                    requireShape(gradient, c, tensor);
                    values.put(gradient, Uploaded.values(tensor));
                }
                report = wantsReport(c) ? gradients.filterReport() : null;
            }
        }
        return new Result(
                forward.loss().toFloats(),
                forward.lse().toFloats(),
                forward.targetLogit().toFloats(),
                c.outputs().contains(Output.ARGMAX) ? forward.argmax().toLongs() : null,
                c.outputs().contains(Output.ENTROPY) ? forward.entropy().toFloats() : null,
                forward.validPositions(),
                values.get(Gradient.EMBEDDINGS),
                values.get(Gradient.CLASSIFIER),
                values.get(Gradient.BIAS),
                report);
    }

    /** The request for the gradients of a case; buffers that it names belong to {@code in}. */
    public static Backward request(Case c, Data data, Uploaded in) {
        Backward request = Backward.of(c.gradients().toArray(Gradient[]::new)).filterReport(wantsReport(c));
        if (c.gradientType() == GradientType.F32) {
            request = request.dtype(DType.F32);
        }
        if (in.gradLoss() != null) {
            request = request.gradLoss(in.gradLoss());
        }
        if (in.gradLse() != null) {
            request = request.gradLse(in.gradLse());
        }
        for (Gradient gradient : c.gradients()) {
            float[] old = data.old(gradient);
            if (c.destination() == Destination.ACCUMULATE) {
                request = request.accumulateInto(gradient, in.buffer(gradient, old));
            } else if (c.destination() == Destination.INTO) {
                float[] poison = new float[old.length];
                Arrays.fill(poison, Float.NaN);
                request = request.into(gradient, in.buffer(gradient, poison));
            }
        }
        return request;
    }

    public static boolean wantsReport(Case c) {
        return !c.filter().equals(Filter.NONE);
    }

    static Tensor of(Gradients gradients, Gradient gradient) {
        return switch (gradient) {
            case EMBEDDINGS -> gradients.embeddings();
            case CLASSIFIER -> gradients.classifier();
            case BIAS -> gradients.bias();
        };
    }

    private static void requireShape(Gradient gradient, Case c, Tensor tensor) {
        long[] expected = switch (gradient) {
            case EMBEDDINGS -> c.shape().embeddings();
            case CLASSIFIER -> c.shape().classifier();
            case BIAS -> new long[] {c.shape().classes()};
        };
        if (!Arrays.equals(expected, tensor.shape()) || tensor.dtype() != c.gradientDType(gradient)) {
            throw new AssertionError("gradient of the %s must be %s %s, but is %s %s".formatted(gradient,
                    c.gradientDType(gradient), Arrays.toString(expected), tensor.dtype(),
                    Arrays.toString(tensor.shape())));
        }
    }
}
