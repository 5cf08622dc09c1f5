package io.github.cce4j;

import io.github.cce4j.bindings.cce_gradients;
import io.github.cce4j.bindings.cce_h;
import io.github.cce4j.bindings.cce_inputs;
import io.github.cce4j.bindings.cce_outputs;
import io.github.cce4j.internal.downcall.Codes;
import io.github.cce4j.internal.downcall.ComputeCalls;
import io.github.cce4j.internal.downcall.Work;
import io.github.cce4j.internal.memory.Call;
import io.github.cce4j.internal.memory.Memory;
import io.github.cce4j.internal.memory.Workspace;
import java.lang.foreign.MemorySegment;
import java.util.Map;

/** The compute functions of cce.h on tensors. Arguments are checked already. */
final class Computation {
    private Computation() {}

    /** The tensors that forward writes; the last two may be null. */
    record Results(Tensor loss, Tensor lse, Tensor targetLogit, Tensor argmax, Tensor entropy) {}

    /** The tensors that backward writes, and a report or null. What it reads is in the request. */
    record Flow(Backward request, Map<Gradient, Tensor> gradients, Tensor filterReport) {}

    static long stateBytes(Problem problem) {
        try (Call call = new Call(problem.stream().nativeStream())) {
            return ComputeCalls.stateBytes(problem.struct(call.arena()));
        }
    }

    static MemoryPlan plan(Problem problem) {
        try (Call call = new Call(problem.stream().nativeStream())) {
            MemorySegment struct = problem.struct(call.arena());
            return new MemoryPlan(
                    ComputeCalls.stateBytes(struct),
                    ComputeCalls.workspaceBytes(struct, cce_h.CCE_PASS_FORWARD()),
                    ComputeCalls.workspaceBytes(struct, cce_h.CCE_PASS_BACKWARD()));
        }
    }

    static void indexedDot(Problem problem, Tensor targetLogit) {
        run(problem, cce_h.CCE_PASS_FORWARD(), (call, work) -> ComputeCalls.indexedDot(work, use(call, targetLogit)));
    }

    static void logSumExp(Problem problem, Tensor lse) {
        run(problem, cce_h.CCE_PASS_FORWARD(), (call, work) -> ComputeCalls.logSumExp(work, use(call, lse)));
    }

    static void makeState(Problem problem, Tensor lse, Memory state) {
        run(problem, cce_h.CCE_PASS_FORWARD(), (call, work) ->
                ComputeCalls.makeState(work, use(call, lse), call.useAsBuffer(state)));
    }

    static void forward(Problem problem, Results results, Memory state) {
        run(problem, cce_h.CCE_PASS_FORWARD(), (call, work) ->
                ComputeCalls.forward(work, outputs(call, results), call.useAsBuffer(state)));
    }

    static void backward(Problem problem, Flow flow, Memory state) {
        run(problem, cce_h.CCE_PASS_BACKWARD(), (call, work) ->
                ComputeCalls.backward(work, gradients(call, flow), call.useAsBuffer(state)));
    }

    /** Waits, throws what the device found out, and gives the number of positions that are not ignored. */
    static long check(Problem problem, Memory state) {
        try (Call call = new Call(problem.stream().nativeStream())) {
            return ComputeCalls.check(problem.struct(call.arena()), call.useAsBuffer(state), call.stream().handle());
        }
    }

    private interface Body {
        void run(Call call, Work work);
    }

    private static void run(Problem problem, int pass, Body body) {
        try (Call call = new Call(problem.stream().nativeStream())) {
            MemorySegment struct = problem.struct(call.arena());
            MemorySegment inputs = inputs(call, problem.inputs());
            try (Workspace workspace = new Workspace(call.stream(), ComputeCalls.workspaceBytes(struct, pass))) {
                body.run(call, new Work(struct, inputs, workspace.buffer(), call.stream().handle(), call.guards()));
            }
        }
    }

    private static MemorySegment inputs(Call call, Inputs from) {
        MemorySegment inputs = call.arena().allocate(cce_inputs.layout());
        cce_inputs.struct_size(inputs, inputs.byteSize());
        cce_inputs.embeddings(inputs, use(call, from.embeddings()));
        cce_inputs.classifier(inputs, use(call, from.classifier()));
        cce_inputs.bias(inputs, use(call, from.bias()));
        cce_inputs.targets(inputs, use(call, from.targets()));
        cce_inputs.class_weights(inputs, use(call, from.classWeights()));
        cce_inputs.token_weights(inputs, use(call, from.tokenWeights()));
        return inputs;
    }

    private static MemorySegment outputs(Call call, Results results) {
        MemorySegment outputs = call.arena().allocate(cce_outputs.layout());
        cce_outputs.struct_size(outputs, outputs.byteSize());
        cce_outputs.loss(outputs, use(call, results.loss()));
        cce_outputs.lse(outputs, use(call, results.lse()));
        cce_outputs.target_logit(outputs, use(call, results.targetLogit()));
        cce_outputs.argmax(outputs, use(call, results.argmax()));
        cce_outputs.entropy(outputs, use(call, results.entropy()));
        return outputs;
    }

    private static MemorySegment gradients(Call call, Flow flow) {
        Backward request = flow.request();
        Tensor embeddings = flow.gradients().get(Gradient.EMBEDDINGS);
        Tensor classifier = flow.gradients().get(Gradient.CLASSIFIER);
        Tensor bias = flow.gradients().get(Gradient.BIAS);
        MemorySegment gradients = call.arena().allocate(cce_gradients.layout());
        cce_gradients.struct_size(gradients, gradients.byteSize());
        cce_gradients.grad_loss(gradients, use(call, request.gradLoss()));
        cce_gradients.grad_lse(gradients, use(call, request.gradLse()));
        cce_gradients.embeddings(gradients, use(call, embeddings));
        cce_gradients.classifier(gradients, use(call, classifier));
        cce_gradients.bias(gradients, use(call, bias));
        cce_gradients.filter_report(gradients, use(call, flow.filterReport()));
        cce_gradients.embeddings_dtype(gradients, dtype(embeddings));
        cce_gradients.classifier_dtype(gradients, dtype(classifier));
        cce_gradients.bias_dtype(gradients, dtype(bias));
        cce_gradients.accumulate(gradients, Codes.mask(request.accumulated()));
        return gradients;
    }

    private static int dtype(Tensor tensor) {
        return tensor == null ? cce_h.CCE_F32() : Codes.of(tensor.dtype());
    }

    private static MemorySegment use(Call call, Tensor tensor) {
        return tensor == null ? MemorySegment.NULL : call.use(tensor.memory());
    }
}
