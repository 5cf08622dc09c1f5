package io.github.cce4j.snippets;

import io.github.cce4j.Backward;
import io.github.cce4j.CceException;
import io.github.cce4j.CutCrossEntropy;
import io.github.cce4j.DType;
import io.github.cce4j.Device;
import io.github.cce4j.FilterReport;
import io.github.cce4j.Forward;
import io.github.cce4j.Gradient;
import io.github.cce4j.GradientFilter;
import io.github.cce4j.Gradients;
import io.github.cce4j.Inputs;
import io.github.cce4j.MemoryPlan;
import io.github.cce4j.Output;
import io.github.cce4j.Reduction;
import io.github.cce4j.Status;
import io.github.cce4j.Tensor;
import java.util.List;

/** The examples in the documentation of the loss. */
final class LossSnippets {
    private LossSnippets() {}

    static float first() {
        // @start region="first"
        Device device = Device.best();
        float[] hiddenStates = {0.1f, 0.2f, 0.3f, 0.4f}; // 2 positions, hidden size 2
        float[] head = {1, 0, 0, 1, 1, 1}; // 3 classes
        try (Tensor embeddings = Tensor.copyOf(device, hiddenStates, 2, 2);
                Tensor classifier = Tensor.copyOf(device, head, 3, 2);
                Tensor targets = Tensor.copyOf(device, new int[] {2, 0}, 2);
                Forward forward = CutCrossEntropy.create().forward(embeddings, classifier, targets);
                Gradients gradients = forward.backward()) {
            float loss = forward.item(); // the mean over the positions
            float[] step = gradients.classifier().toFloats(); // (3, 2), row by row
            // @end
            return loss + step.length;
        }
    }

    // @start region="training"
    static float trainingStep(Tensor embeddings, Tensor classifier, Tensor tokens, Tensor classifierGradient) {
        CutCrossEntropy loss = CutCrossEntropy.builder()
                .shift(1) // position t predicts token t + 1
                .softcap(30)
                .zLoss(1e-4)
                .build();
        try (Forward forward = loss.forward(embeddings, classifier, tokens);
                Gradients gradients = forward.backward(
                        Backward.of(Gradient.EMBEDDINGS).accumulateInto(Gradient.CLASSIFIER, classifierGradient))) {
            propagate(gradients.embeddings());
            return forward.item();
        }
    }
    // @end

    static CutCrossEntropy builder() {
        // @start region="builder"
        CutCrossEntropy loss = CutCrossEntropy.builder()
                .ignoreIndex(0) // the padding token
                .labelSmoothing(0.1)
                .reduction(Reduction.SUM)
                .filter(GradientFilter.none())
                .build();
        CutCrossEntropy unsmoothed = loss.toBuilder().labelSmoothing(0).build();
        // @end
        return unsmoothed;
    }

    static float[] reduction(Inputs inputs) {
        // @start region="reduction"
        CutCrossEntropy loss = CutCrossEntropy.builder().reduction(Reduction.NONE).build();
        try (Forward forward = loss.forward(inputs)) {
            float[] lossOfEachPosition = forward.loss().toFloats();
            // @end
            return lossOfEachPosition;
        }
    }

    static float gradient(Inputs inputs) {
        // @start region="gradient"
        CutCrossEntropy frozenHead = CutCrossEntropy.builder().gradients(Gradient.EMBEDDINGS).build();
        try (Forward forward = frozenHead.forward(inputs);
                Gradients gradients = forward.backward()) { // only the embeddings' gradient is computed
            propagate(gradients.embeddings());
            return forward.item();
        }
        // @end
    }

    static double output(Inputs inputs) {
        // @start region="output"
        CutCrossEntropy scoring = CutCrossEntropy.builder().gradients().outputs(Output.ARGMAX, Output.ENTROPY).build();
        try (Forward forward = scoring.forward(inputs)) {
            double perplexity = Math.exp(forward.item());
            long[] predictions = forward.argmax().toLongs();
            // @end
            return perplexity + predictions.length;
        }
    }

    static String status(Inputs inputs) {
        // @start region="status"
        try (Forward forward = CutCrossEntropy.create().forward(inputs)) {
            return "loss " + forward.item();
        } catch (CceException e) {
            if (e.status() == Status.TARGET) { // the data is to blame, not the computation
                return "skipped: " + e.getMessage();
            }
            throw e;
        }
        // @end
    }

    static long plan(Inputs inputs) {
        // @start region="plan"
        MemoryPlan plan = CutCrossEntropy.create().plan(inputs);
        long needed = plan.stateBytes() + Math.max(plan.forwardWorkspaceBytes(), plan.backwardWorkspaceBytes());
        // @end
        return needed;
    }

    static float report(Inputs inputs) {
        // @start region="report"
        CutCrossEntropy loss = CutCrossEntropy.builder().filter(GradientFilter.of(0x1p-12)).build();
        try (Forward forward = loss.forward(inputs);
                Gradients gradients = forward.backward(Backward.all().filterReport(true))) {
            FilterReport report = gradients.filterReport();
            System.out.printf("the classifier's gradient lacks %.4f of the softmax%n", report.classifierMean());
            // @end
            return report.classifierMean();
        }
    }

    static float inputs(Tensor embeddings, Tensor classifier, Tensor targets, Tensor bias) {
        // @start region="inputs"
        Inputs inputs = Inputs.of(embeddings, classifier, targets).withBias(bias);
        try (Forward forward = CutCrossEntropy.create().forward(inputs)) {
            return forward.item();
        }
        // @end
    }

    static List<GradientFilter> filter() {
        // @start region="filter"
        GradientFilter exact = GradientFilter.none(); // the default
        GradientFilter byDType = GradientFilter.auto(); // 2^-16 for bf16
        GradientFilter guarded = GradientFilter.of(0x1p-14).maxDroppedMass(0.05); // exact if more than 5 % would go
        // @end
        return List.of(exact, byDType, guarded);
    }

    static float forward(Inputs inputs) {
        // @start region="forward"
        try (Forward forward = CutCrossEntropy.create().forward(inputs)) {
            float loss = forward.item();
            float[] logSumExp = forward.lse().toFloats();
            float[] targetLogits = forward.targetLogit().toFloats(); // their difference is the loss of a position
            // @end
            return loss + logSumExp[0] - targetLogits[0];
        }
    }

    static void backward(Forward forward, Tensor classifierGradient) {
        // @start region="backward"
        Backward request = Backward.of(Gradient.EMBEDDINGS) // a new tensor
                .accumulateInto(Gradient.CLASSIFIER, classifierGradient) // added to what it holds
                .dtype(DType.F32); // of the new tensor
        try (Gradients gradients = forward.backward(request)) {
            propagate(gradients.embeddings());
        }
        // @end
    }

    static float[] gradients(Forward forward) {
        // @start region="gradients"
        try (Gradients gradients = forward.backward()) {
            float[] ofClassifier = gradients.classifier().toFloats();
            // @end
            return ofClassifier;
        }
    }

    private static void propagate(Tensor embeddingsGradient) {
        // stands for the rest of the model
        embeddingsGradient.toFloats();
    }
}
