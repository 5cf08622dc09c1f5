package io.github.cce4j.test.contract;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;

import io.github.cce4j.CutCrossEntropy;
import io.github.cce4j.DType;
import io.github.cce4j.Forward;
import io.github.cce4j.Gradient;
import io.github.cce4j.Output;
import io.github.cce4j.Tensor;
import io.github.cce4j.test.Devices;
import io.github.cce4j.test.Seeds;
import io.github.cce4j.test.cases.Case;
import io.github.cce4j.test.cases.Data;
import io.github.cce4j.test.cases.Filter;
import io.github.cce4j.test.cases.Shape;
import io.github.cce4j.test.oracle.Agreement;
import io.github.cce4j.test.oracle.Expected;
import io.github.cce4j.test.oracle.Reference;
import io.github.cce4j.test.oracle.Result;
import java.util.Arrays;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.DynamicNode;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.TestFactory;

/** Logits far from zero, and equal logits. */
@Tag("contract")
@Tag("kernels")
class ExtremesTest {

    private static final List<DType> DTYPES = List.of(DType.F32, DType.F16, DType.BF16);

    /** The exponential of such a logit is no float32, and that of its negative is 0. */
    @TestFactory
    Stream<DynamicNode> hugeLogits() {
        return Devices.each("dtype", DTYPES, (device, dtype) -> {
            Case c = Case.plain(Seeds.random("huge").nextLong(), Shape.rows(50, 333, 48), dtype);
            Data data = scaled(Data.of(c), 128);
            Expected expected = Reference.of(device, c, data);
            Result actual = SafeCall.run(device, c, data);
            Agreement.closeToScale("loss", expected.loss(), expected.lossScale(), actual.loss());
            Agreement.closeToScale("lse", expected.lse(), expected.lse(), actual.lse());
            for (Gradient gradient : c.gradients()) {
                double[] values = expected.gradient(gradient).values();
                // float32 logits of this size have an error of 1e-4, and the softmax takes it over
                double allowed = (Agreement.gradientTolerance(dtype) + 1e-3) * Agreement.norm(values);
                Agreement.closeInNorm(gradient.toString(), values, actual.gradient(gradient), allowed);
            }
        });
    }

    /** All logits have the same large offset, which must cancel. */
    @TestFactory
    Stream<DynamicNode> farFromZero() {
        return Devices.each("offset", List.of(-3000f, 3000f), (device, offset) -> {
            Case c = Case.everything(Seeds.random("far").nextLong(), Shape.rows(20, 100, 16), DType.F32, Filter.NONE)
                    .withoutSoftcap();
            Data data = Data.of(c);
            for (int j = 0; j < data.bias().length; j++) {
                data.bias()[j] += offset;
            }
            Expected expected = Reference.of(device, c, data);
            Result actual = SafeCall.run(device, c, data);
            Agreement.closeToScale("lse", expected.lse(), expected.lse(), actual.lse());
            Agreement.closeToScale("loss", expected.loss(), expected.lossScale(), actual.loss());
        });
    }

    @TestFactory
    Stream<DynamicNode> theFirstOfEqualLogitsIsTheArgmax() {
        return Devices.each("classes", List.of(2, 16, 17, 100, 1000, 5003), (device, classes) -> {
            float[] same = new float[classes * 3];
            Arrays.fill(same, 0.5f);
            float[] embeddings = {1, 2, 3, -1, -2, -3, 0.25f, 0.5f, -0.75f};
            CutCrossEntropy loss = CutCrossEntropy.builder().outputs(Output.ARGMAX, Output.ENTROPY).build();
            try (Tensor e = Tensor.copyOf(device, embeddings, 3, 3);
                    Tensor c = Tensor.copyOf(device, same, classes, 3);
                    Tensor targets = Tensor.copyOf(device, new long[] {0, 1, classes - 1}, 3);
                    Forward forward = loss.forward(e, c, targets)) {
                assertArrayEquals(new long[3], forward.argmax().toLongs());
                assertEquals(Math.log(classes), forward.item(), 1e-5 * Math.log(classes));
                for (float entropy : forward.entropy().toFloats()) {
                    assertEquals(Math.log(classes), entropy, 2e-5 * Math.log(classes));
                }
            }
        });
    }

    private static Data scaled(Data data, float factor) {
        for (int i = 0; i < data.embeddings().length; i++) {
            data.embeddings()[i] *= factor;
        }
        return data;
    }
}
