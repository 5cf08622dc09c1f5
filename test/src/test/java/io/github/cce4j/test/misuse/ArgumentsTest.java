package io.github.cce4j.test.misuse;

import io.github.cce4j.Backward;
import io.github.cce4j.CutCrossEntropy;
import io.github.cce4j.DType;
import io.github.cce4j.Device;
import io.github.cce4j.Forward;
import io.github.cce4j.Gradient;
import io.github.cce4j.GradientFilter;
import io.github.cce4j.Gradients;
import io.github.cce4j.Inputs;
import io.github.cce4j.Output;
import io.github.cce4j.Reduction;
import io.github.cce4j.Status;
import io.github.cce4j.Tensor;
import io.github.cce4j.test.Devices;
import java.util.Arrays;
import java.util.List;
import java.util.function.DoubleConsumer;
import java.util.stream.Stream;
import org.junit.jupiter.api.DynamicNode;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestFactory;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Shapes, dtypes, devices, options and nulls that cannot be: refused with what was expected and what was given. */
@Tag("contract")
class ArgumentsTest {

    private static final CutCrossEntropy LOSS = CutCrossEntropy.create();

    /** An input of the wrong shape or dtype, and what the message must tell. */
    private record Wrong(String input, DType dtype, long[] shape, String... words) {

        Inputs in(Problem p, Tensor tensor) {
            return switch (input) {
                case "embeddings" -> p.withEmbeddings(tensor);
                case "classifier" -> p.withClassifier(tensor);
                case "targets" -> p.withTargets(tensor);
                case "bias" -> p.inputs().withBias(tensor);
                case "classWeights" -> p.inputs().withClassWeights(tensor);
                case "tokenWeights" -> p.inputs().withTokenWeights(tensor);
                default -> throw new AssertionError(input);
            };
        }

        @Override
        public String toString() {
            return input + " " + dtype + Arrays.toString(shape);
        }
    }

    private static Wrong wrong(String input, DType dtype, List<Integer> shape, String... words) {
        return new Wrong(input, dtype, shape.stream().mapToLong(i -> i).toArray(), words);
    }

    @TestFactory
    Stream<DynamicNode> shapesAndDtypesOfInputs() {
        List<Wrong> all = List.of(
                wrong("embeddings", DType.F32, List.of(48), "embeddings", "[48]"),
                wrong("embeddings", DType.F32, List.of(1, 1, 6, 8), "embeddings", "[1, 1, 6, 8]"),
                wrong("embeddings", DType.F32, List.of(6, 7), "7", "8"),
                wrong("embeddings", DType.F32, List.of(5, 8), "[6]", "[5]"),
                wrong("embeddings", DType.F32, List.of(6, 0), "0"),
                wrong("embeddings", DType.BF16, List.of(6, 8), "F32", "BF16"),
                wrong("embeddings", DType.I32, List.of(6, 8), "I32"),
                wrong("classifier", DType.F32, List.of(88), "classifier", "[88]"),
                wrong("classifier", DType.F32, List.of(11, 9), "8", "9"),
                wrong("classifier", DType.F32, List.of(0, 8), "0"),
                wrong("classifier", DType.F16, List.of(11, 8), "F32", "F16"),
                wrong("classifier", DType.I64, List.of(11, 8), "I64"),
                wrong("targets", DType.I64, List.of(5), "[6]", "[5]"),
                wrong("targets", DType.I64, List.of(2, 3), "[6]", "[2, 3]"),
                wrong("targets", DType.F32, List.of(6), "targets", "F32"),
                wrong("bias", DType.F32, List.of(10), "bias", "[11]", "[10]"),
                wrong("bias", DType.F32, List.of(1, 11), "[11]", "[1, 11]"),
                wrong("bias", DType.BF16, List.of(11), "bias", "BF16", "F32"),
                wrong("classWeights", DType.F32, List.of(12), "[11]", "[12]"),
                wrong("classWeights", DType.BF16, List.of(11), "BF16", "F32"),
                wrong("tokenWeights", DType.F32, List.of(7), "[6]", "[7]"),
                wrong("tokenWeights", DType.I32, List.of(6), "I32", "F32"));
        return Devices.each("wrong", all, (device, wrong) -> {
            try (Problem p = new Problem(device); Tensor tensor = Tensor.zeros(device, wrong.dtype(), wrong.shape())) {
                Inputs inputs = wrong.in(p, tensor);
                Refusal.illegalArgument(() -> LOSS.forward(inputs), wrong.words());
                Refusal.illegalArgument(() -> LOSS.plan(inputs), wrong.words());
                Refusal.illegalArgument(() -> LOSS.indexedDot(inputs));
                Refusal.illegalArgument(() -> LOSS.logSumExp(inputs));
            }
        });
    }

    @TestFactory
    Stream<DynamicNode> inputsOfAnotherDevice() {
        List<String> inputs = List.of("embeddings", "classifier", "targets", "bias", "classWeights", "tokenWeights");
        return Devices.eachCuda("input", inputs, (device, input) -> {
            try (Problem p = new Problem(device); Problem onCpu = new Problem(Device.cpu())) {
                Tensor tensor = switch (input) {
                    case "embeddings" -> onCpu.embeddings;
                    case "classifier" -> onCpu.classifier;
                    case "targets" -> onCpu.targets;
                    case "bias" -> onCpu.bias;
                    case "classWeights" -> onCpu.classWeights;
                    default -> onCpu.tokenWeights;
                };
                Inputs mixed = new Wrong(input, tensor.dtype(), tensor.shape()).in(p, tensor);
                Refusal.illegalArgument(() -> LOSS.forward(mixed), "cpu", device.toString());
                try (io.github.cce4j.Stream stream = Device.cpu().newStream()) {
                    CutCrossEntropy elsewhere = CutCrossEntropy.builder().stream(stream).build();
                    Refusal.illegalArgument(() -> elsewhere.forward(p.inputs()), "cpu", device.toString());
                }
            }
        });
    }

    @TestFactory
    Stream<DynamicNode> shiftsBeyondTheSequence() {
        return Devices.each(device -> {
            CutCrossEntropy shifted = CutCrossEntropy.builder().shift(Problem.ROWS + 1).build();
            try (Problem p = new Problem(device)) {
                Refusal.illegalArgument(() -> shifted.forward(p.inputs()), "shift", "6", "7");
            }
        });
    }

    @TestFactory
    Stream<DynamicNode> backwardRequests() {
        return Devices.each(device -> {
            CutCrossEntropy frozen = CutCrossEntropy.builder().gradients(Gradient.EMBEDDINGS).build();
            CutCrossEntropy forwardAlone = CutCrossEntropy.builder().gradients().build();
            try (Problem p = new Problem(device);
                    Forward forward = LOSS.forward(p.inputs());
                    Forward ofFrozen = frozen.forward(p.inputs());
                    Forward alone = forwardAlone.forward(p.inputs());
                    Forward withoutBias = LOSS.forward(p.embeddings, p.classifier, p.targets);
                    Tensor wrongShape = Tensor.zeros(device, DType.F32, Problem.HIDDEN, Problem.CLASSES);
                    Tensor wrongType = Tensor.zeros(device, DType.BF16, Problem.CLASSES, Problem.HIDDEN);
                    Tensor ofClassifier = Tensor.zeros(device, DType.F32, Problem.CLASSES, Problem.HIDDEN);
                    Tensor partOfClassifier = part(ofClassifier, Problem.CLASSES);
                    Tensor ofRows = Tensor.zeros(device, DType.F32, Problem.ROWS)) {
                Refusal.illegalArgument(() -> ofFrozen.backward(Backward.of(Gradient.CLASSIFIER)), "CLASSIFIER");
                Refusal.illegalState(alone::backward, "gradients");
                Refusal.illegalArgument(() -> withoutBias.backward(Backward.of(Gradient.BIAS)), "BIAS");
                Refusal.illegalArgument(() -> forward.backward(Backward.all().into(Gradient.CLASSIFIER, wrongShape)),
                        "[11, 8]", "[8, 11]");
                Refusal.illegalArgument(
                        () -> forward.backward(Backward.all().accumulateInto(Gradient.CLASSIFIER, wrongType)),
                        "F32", "BF16");
                Refusal.illegalArgument(
                        () -> forward.backward(Backward.all().into(Gradient.CLASSIFIER, p.classifier)), "overlap");
                Refusal.illegalArgument(() -> forward.backward(Backward.all().into(Gradient.CLASSIFIER, ofClassifier)
                        .into(Gradient.BIAS, partOfClassifier)), "overlap");
                Refusal.illegalArgument(() -> forward.backward(Backward.all().dtype(DType.F16)), "F32", "F16");
                Refusal.illegalArgument(() -> forward.backward(Backward.all().dtype(DType.I32)), "I32");
                Refusal.illegalArgument(() -> forward.backward(Backward.all().gradLoss(ofRows)), "[6]", "[]");
                Refusal.illegalArgument(() -> forward.backward(Backward.all().gradLse(p.bias)), "[6]", "[11]");
                try (Gradients gradients = forward.backward(Backward.of(Gradient.EMBEDDINGS))) {
                    Refusal.illegalState(gradients::classifier);
                    Refusal.illegalState(gradients::bias);
                    Refusal.illegalState(gradients::filterReport);
                }
            }
        });
    }

    private static Tensor part(Tensor tensor, long elements) {
        return Tensor.view(tensor.device(), tensor.dtype(), tensor.device().isCuda() ? tensor.address()
                : tensor.address().asSlice(0, elements * tensor.dtype().bytes()), elements);
    }

    @TestFactory
    Stream<DynamicNode> outputsThatNobodyAskedFor() {
        return Devices.each(device -> {
            CutCrossEntropy perToken = CutCrossEntropy.builder().reduction(Reduction.NONE).build();
            try (Problem p = new Problem(device); Forward forward = perToken.forward(p.inputs())) {
                Refusal.illegalState(forward::argmax);
                Refusal.illegalState(forward::entropy);
                Refusal.illegalState(forward::item, "NONE");
            }
        });
    }

    @Test
    void options() {
        refuses(x -> CutCrossEntropy.builder().softcap(x), "softcap", -1e-300, Double.NaN, Double.POSITIVE_INFINITY);
        refuses(x -> CutCrossEntropy.builder().temperature(x), "temperature", 0, -1, Double.NaN,
                Double.POSITIVE_INFINITY);
        refuses(x -> CutCrossEntropy.builder().labelSmoothing(x), "labelSmoothing", -0.1, 1.1, Double.NaN);
        refuses(x -> CutCrossEntropy.builder().zLoss(x), "zLoss", -1e-9, Double.NaN, Double.POSITIVE_INFINITY);
        refuses(x -> CutCrossEntropy.builder().shift((long) x), "shift", -1, Long.MIN_VALUE);
        refuses(x -> CutCrossEntropy.builder().keepLogits((long) x), "keepLogits", -1, Long.MIN_VALUE);
        refuses(GradientFilter::of, "", -0.1, 1, 2, Double.NaN, Double.POSITIVE_INFINITY);
        refuses(x -> GradientFilter.of(0.1, x), "classifier", -0.1, 1, Double.NaN);
        refuses(x -> GradientFilter.auto().maxDroppedMass(x), "maxDroppedMass", -0.1, Double.NaN);
    }

    private static void refuses(DoubleConsumer option, String name, double... values) {
        for (double value : values) {
            Refusal.illegalArgument(() -> option.accept(value), name);
        }
    }

    @Test
    void nulls() {
        CutCrossEntropy.Builder builder = CutCrossEntropy.builder();
        Refusal.nullArgument("reduction", () -> builder.reduction(null));
        Refusal.nullArgument("filter", () -> builder.filter(null));
        Refusal.nullArgument("gradients", () -> builder.gradients((Gradient[]) null));
        Refusal.nullArgument("outputs", () -> builder.outputs((Output[]) null));
        Refusal.nullArgument("inputs", () -> LOSS.forward(null));
        Refusal.nullArgument("inputs", () -> LOSS.plan(null));
        Refusal.nullArgument("inputs", () -> LOSS.logSumExp(null));
        Refusal.nullArgument("inputs", () -> LOSS.indexedDot(null));
        Refusal.nullArgument("device", () -> Tensor.allocate(null, DType.F32, 1));
        Refusal.nullArgument("dtype", () -> Tensor.allocate(Device.cpu(), null, 1));
        Refusal.nullArgument("shape", () -> Tensor.allocate(Device.cpu(), DType.F32, (long[]) null));
        Refusal.nullArgument("values", () -> Tensor.copyOf(Device.cpu(), (float[]) null, 1));
        Refusal.nullArgument("name", () -> Device.parse(null));
        try (Problem p = new Problem(Device.cpu()); Forward forward = LOSS.forward(p.inputs())) {
            Refusal.nullArgument("embeddings", () -> LOSS.forward(null, p.classifier, p.targets));
            Refusal.nullArgument("classifier", () -> LOSS.forward(p.embeddings, null, p.targets));
            Refusal.nullArgument("targets", () -> LOSS.forward(p.embeddings, p.classifier, null));
            Refusal.nullArgument("targets", () -> LOSS.forward(p.withTargets(null)));
            Refusal.nullArgument("targets", () -> LOSS.indexedDot(p.withTargets(null)));
            Refusal.nullArgument("lse", () -> LOSS.resume(p.inputs(), null));
            Refusal.nullArgument("", () -> forward.backward(null));
            Refusal.nullArgument("", () -> Backward.all().into(Gradient.BIAS, null));
            Refusal.nullArgument("", () -> Backward.all().dtype(null));
            Refusal.nullArgument("", () -> p.bias.copyFrom((float[]) null));
            Refusal.nullArgument("", () -> p.bias.copyTo((float[]) null));
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"", "gpu", "cuda:", "cuda:-1", "cuda:x", "cuda:99999999999", "CPU "})
    void deviceNames(String name) {
        Refusal.illegalArgument(() -> Device.parse(name), "'" + name + "'");
    }

    @Test
    void devicesThatAreNotThere() {
        Refusal.status(Status.NO_DEVICE, () -> Device.cuda(4711), "4711", "" + Device.cudaCount());
        Refusal.illegalArgument(() -> Device.cuda(-1), "-1");
    }
}
