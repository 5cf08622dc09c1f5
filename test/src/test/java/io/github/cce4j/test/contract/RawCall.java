package io.github.cce4j.test.contract;

import io.github.cce4j.DType;
import io.github.cce4j.Device;
import io.github.cce4j.FilterReport;
import io.github.cce4j.Gradient;
import io.github.cce4j.Output;
import io.github.cce4j.Tensor;
import io.github.cce4j.bindings.cce_gradients;
import io.github.cce4j.bindings.cce_h;
import io.github.cce4j.bindings.cce_inputs;
import io.github.cce4j.bindings.cce_outputs;
import io.github.cce4j.bindings.cce_problem;
import io.github.cce4j.test.cases.Case;
import io.github.cce4j.test.cases.Case.Destination;
import io.github.cce4j.test.cases.Data;
import io.github.cce4j.test.cases.Filter;
import io.github.cce4j.test.cases.Floats;
import io.github.cce4j.test.oracle.Result;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;

/**
 * Runs a case through the C ABI as a framework with its own allocator would: every output, the state and both
 * workspaces are exactly as long as they must be, poisoned before, and guarded behind.
 */
final class RawCall implements AutoCloseable {

    private final Device device;
    private final Case c;
    private final Data data;
    private final Uploaded in;
    private final Arena arena = Arena.ofConfined();
    private final List<Guarded> buffers = new ArrayList<>();
    private final MemorySegment problem;
    private final MemorySegment inputs;
    private final MemorySegment stream;

    private RawCall(Device device, Case c, Data data) {
        this.device = device;
        this.c = c;
        this.data = data;
        in = new Uploaded(device, c, data);
        problem = problem();
        inputs = inputs();
        stream = device.defaultStream().handle();
    }

    static Result run(Device device, Case c, Data data) {
        try (RawCall call = new RawCall(device, c, data)) {
            return call.run();
        }
    }

    private Result run() {
        Guarded loss = buffer("loss", 4L * c.lossEntries());
        Guarded lse = buffer("lse", 4L * c.rows());
        Guarded targetLogit = buffer("target_logit", 4L * c.rows());
        Guarded argmax = c.outputs().contains(Output.ARGMAX) ? buffer("argmax", 8L * c.rows()) : null;
        Guarded entropy = c.outputs().contains(Output.ENTROPY) ? buffer("entropy", 4L * c.rows()) : null;
        Guarded state = buffer("state", stateBytes());

        MemorySegment outputs = arena.allocate(cce_outputs.layout());
        cce_outputs.struct_size(outputs, cce_outputs.sizeof());
        cce_outputs.loss(outputs, loss.address());
        cce_outputs.lse(outputs, lse.address());
        cce_outputs.target_logit(outputs, targetLogit.address());
        cce_outputs.argmax(outputs, addressOf(argmax));
        cce_outputs.entropy(outputs, addressOf(entropy));
        Guarded workspace = buffer("workspace of forward", workspaceBytes(cce_h.CCE_PASS_FORWARD()));
        check(cce_h.cce_forward(problem, inputs, outputs, state.address(), state.size(), workspace.address(),
                workspace.size(), stream));
        MemorySegment valid = arena.allocate(ValueLayout.JAVA_LONG);
        check(cce_h.cce_check(problem, state.address(), state.size(), valid, stream));
        workspace.content();

        Map<Gradient, Guarded> gradients = c.gradients().isEmpty() ? Map.of() : gradientBuffers();
        Guarded report = SafeCall.wantsReport(c) && !gradients.isEmpty()
                ? buffer("report", 4L * cce_h.CCE_REPORT_LENGTH()) : null;
        if (!gradients.isEmpty()) {
            backward(state, gradients, report);
        }
        return new Result(loss.floats(), lse.floats(), targetLogit.floats(), argmax == null ? null : argmax.longs(),
                entropy == null ? null : entropy.floats(), valid.get(ValueLayout.JAVA_LONG, 0),
                values(gradients, Gradient.EMBEDDINGS), values(gradients, Gradient.CLASSIFIER),
                values(gradients, Gradient.BIAS), report == null ? null : report(report.floats()));
    }

    private void backward(Guarded state, Map<Gradient, Guarded> buffers, Guarded report) {
        MemorySegment gradients = arena.allocate(cce_gradients.layout());
        cce_gradients.struct_size(gradients, cce_gradients.sizeof());
        cce_gradients.grad_loss(gradients, addressOf(in.gradLoss()));
        cce_gradients.grad_lse(gradients, addressOf(in.gradLse()));
        cce_gradients.embeddings(gradients, addressOf(buffers.get(Gradient.EMBEDDINGS)));
        cce_gradients.classifier(gradients, addressOf(buffers.get(Gradient.CLASSIFIER)));
        cce_gradients.bias(gradients, addressOf(buffers.get(Gradient.BIAS)));
        cce_gradients.filter_report(gradients, addressOf(report));
        cce_gradients.embeddings_dtype(gradients, number(c.gradientDType(Gradient.EMBEDDINGS)));
        cce_gradients.classifier_dtype(gradients, number(c.gradientDType(Gradient.CLASSIFIER)));
        cce_gradients.bias_dtype(gradients, number(c.gradientDType(Gradient.BIAS)));
        cce_gradients.accumulate(gradients, c.destination() == Destination.ACCUMULATE ? mask() : 0);
        ByteBuffer stateBefore = state.content();
        Guarded workspace = buffer("workspace of backward", workspaceBytes(cce_h.CCE_PASS_BACKWARD()));
        check(cce_h.cce_backward(problem, inputs, gradients, state.address(), state.size(), workspace.address(),
                workspace.size(), stream));
        workspace.content();
        if (!stateBefore.equals(state.content())) {
            throw new AssertionError("backward changed the state");
        }
    }

    private MemorySegment problem() {
        MemorySegment p = arena.allocate(cce_problem.layout());
        cce_problem.struct_size(p, cce_problem.sizeof());
        cce_problem.batch(p, c.shape().batch());
        cce_problem.time(p, c.shape().time());
        cce_problem.classes(p, c.shape().classes());
        cce_problem.hidden(p, c.shape().hidden());
        cce_problem.shift(p, c.shift());
        cce_problem.ignore_index(p, c.ignoreIndex());
        cce_problem.softcap(p, c.softcap());
        cce_problem.temperature(p, c.temperature());
        cce_problem.label_smoothing(p, c.labelSmoothing());
        cce_problem.z_loss(p, c.zLoss());
        cce_problem.filter_embeddings(p, threshold(c.filter().embeddings()));
        cce_problem.filter_classifier(p, threshold(c.filter().classifier()));
        cce_problem.max_dropped_mass(p, c.filter().limit());
        cce_problem.device(p, device.isCuda() ? device.ordinal() : cce_h.CCE_CPU());
        cce_problem.dtype(p, number(c.dtype()));
        cce_problem.bias_dtype(p, number(c.biasType()));
        cce_problem.target_dtype(p, number(c.targetType()));
        cce_problem.reduction(p, switch (c.reduction()) {
            case NONE -> cce_h.CCE_REDUCTION_NONE();
            case MEAN -> cce_h.CCE_REDUCTION_MEAN();
            case SUM -> cce_h.CCE_REDUCTION_SUM();
        });
        cce_problem.gradients(p, mask());
        cce_problem.allow_tf32(p, c.allowTf32() ? 1 : 0);
        cce_problem.kept_logits_bytes(p, c.keptLogitsBytes());
        return p;
    }

    private MemorySegment inputs() {
        MemorySegment i = arena.allocate(cce_inputs.layout());
        cce_inputs.struct_size(i, cce_inputs.sizeof());
        cce_inputs.embeddings(i, addressOf(in.inputs().embeddings()));
        cce_inputs.classifier(i, addressOf(in.inputs().classifier()));
        cce_inputs.bias(i, addressOf(in.inputs().bias()));
        cce_inputs.targets(i, addressOf(in.inputs().targets()));
        cce_inputs.class_weights(i, addressOf(in.inputs().classWeights()));
        cce_inputs.token_weights(i, addressOf(in.inputs().tokenWeights()));
        return i;
    }

    private Map<Gradient, Guarded> gradientBuffers() {
        Map<Gradient, Guarded> gradients = new EnumMap<>(Gradient.class);
        for (Gradient gradient : c.gradients()) {
            float[] old = data.old(gradient);
            DType dtype = c.gradientDType(gradient);
            Guarded buffer = buffer("gradient of the " + gradient, dtype.bytes() * old.length);
            if (c.destination() == Destination.ACCUMULATE) {
                buffer.write(dtype == DType.F32 ? MemorySegment.ofArray(old)
                        : MemorySegment.ofArray(Floats.toBits(dtype, old)));
            }
            gradients.put(gradient, buffer);
        }
        return gradients;
    }

    private float[] values(Map<Gradient, Guarded> buffers, Gradient gradient) {
        Guarded buffer = buffers.get(gradient);
        DType dtype = c.gradientDType(gradient);
        if (buffer == null || dtype == DType.F32) {
            return buffer == null ? null : buffer.floats();
        }
        short[] bits = buffer.shorts();
        float[] values = new float[bits.length];
        for (int i = 0; i < bits.length; i++) {
            values[i] = Floats.fromBits(dtype, bits[i]);
        }
        return values;
    }

    private static FilterReport report(float[] r) {
        return new FilterReport(r[cce_h.CCE_REPORT_EMBEDDINGS_MEAN()], r[cce_h.CCE_REPORT_EMBEDDINGS_WORST()],
                r[cce_h.CCE_REPORT_CLASSIFIER_MEAN()], r[cce_h.CCE_REPORT_CLASSIFIER_WORST()],
                r[cce_h.CCE_REPORT_EMBEDDINGS_EXACT()] != 0, r[cce_h.CCE_REPORT_CLASSIFIER_EXACT()] != 0);
    }

    private long stateBytes() {
        MemorySegment bytes = arena.allocate(ValueLayout.JAVA_LONG);
        check(cce_h.cce_state_bytes(problem, bytes));
        return bytes.get(ValueLayout.JAVA_LONG, 0);
    }

    private long workspaceBytes(int pass) {
        MemorySegment bytes = arena.allocate(ValueLayout.JAVA_LONG);
        check(cce_h.cce_workspace_bytes(problem, pass, bytes));
        return bytes.get(ValueLayout.JAVA_LONG, 0);
    }

    private int mask() {
        return (c.wants(Gradient.EMBEDDINGS) ? cce_h.CCE_GRADIENT_EMBEDDINGS() : 0)
                | (c.wants(Gradient.CLASSIFIER) ? cce_h.CCE_GRADIENT_CLASSIFIER() : 0)
                | (c.wants(Gradient.BIAS) ? cce_h.CCE_GRADIENT_BIAS() : 0);
    }

    private Guarded buffer(String name, long bytes) {
        Guarded buffer = new Guarded(device, name, bytes);
        buffers.add(buffer);
        return buffer;
    }

    private void check(int status) {
        if (status != cce_h.CCE_OK()) {
            MemorySegment text = arena.allocate(1024);
            cce_h.cce_last_error(text, text.byteSize());
            throw new AssertionError("status " + status + ": " + text.getString(0));
        }
    }

    private static double threshold(double eps) {
        return eps == Filter.AUTO ? cce_h.CCE_FILTER_AUTO() : eps;
    }

    private static int number(DType dtype) {
        return switch (dtype) {
            case F32 -> cce_h.CCE_F32();
            case F16 -> cce_h.CCE_F16();
            case BF16 -> cce_h.CCE_BF16();
            case I32 -> cce_h.CCE_I32();
            case I64 -> cce_h.CCE_I64();
        };
    }

    private static MemorySegment addressOf(Guarded buffer) {
        return buffer == null ? MemorySegment.NULL : buffer.address();
    }

    private static MemorySegment addressOf(Tensor tensor) {
        return tensor == null ? MemorySegment.NULL : tensor.address();
    }

    @Override
    public void close() {
        buffers.forEach(Guarded::close);
        in.close();
        arena.close();
    }
}
