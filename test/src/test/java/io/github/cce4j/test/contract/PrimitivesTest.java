package io.github.cce4j.test.contract;

import static org.junit.jupiter.api.Assertions.assertThrows;

import io.github.cce4j.CutCrossEntropy;
import io.github.cce4j.Device;
import io.github.cce4j.Forward;
import io.github.cce4j.Gradient;
import io.github.cce4j.Gradients;
import io.github.cce4j.Inputs;
import io.github.cce4j.Tensor;
import io.github.cce4j.test.Devices;
import io.github.cce4j.test.cases.Case;
import io.github.cce4j.test.cases.Cases;
import io.github.cce4j.test.cases.Data;
import io.github.cce4j.test.oracle.Agreement;
import io.github.cce4j.test.oracle.Expected;
import io.github.cce4j.test.oracle.Reference;
import java.util.List;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.DynamicNode;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.TestFactory;

/** The three primitives one by one: log-sum-exp, indexed dot product, and backward from an lse made elsewhere. */
@Tag("contract")
@Tag("kernels")
class PrimitivesTest {

    @TestFactory
    Stream<DynamicNode> agreeWithTheReference() {
        List<Case> all = Cases.all();
        List<Case> some = IntStream.range(0, all.size()).filter(i -> i % 3 == 0).mapToObj(all::get).toList();
        return Devices.each("case", some, PrimitivesTest::check);
    }

    private static void check(Device device, Case c) {
        Data data = Data.of(c);
        Expected expected = Reference.of(device, c, data);
        CutCrossEntropy loss = c.configuration().build();
        try (Uploaded in = new Uploaded(device, c, data);
                Tensor lse = loss.logSumExp(in.inputs());
                Tensor ofAll = loss.logSumExp(withoutTargets(in.inputs()));
                Tensor targetLogit = loss.indexedDot(in.inputs())) {
            double[] lseOfAll = Reference.logSumExp(device, c, data);
            Agreement.closeToScale("lse", expected.lse(), Agreement.atLeastOne(expected.lse()), lse.toFloats());
            Agreement.closeToScale("lse without targets", lseOfAll, Agreement.atLeastOne(lseOfAll), ofAll.toFloats());
            Agreement.closeToScale("target logit", expected.targetLogit(), Agreement.atLeastOne(expected.lse()),
                    targetLogit.toFloats());
            if (!c.gradients().isEmpty()) {
                resume(c, data, expected, loss, in, lse);
            }
        }
    }

    private static void resume(Case c, Data data, Expected expected, CutCrossEntropy loss, Uploaded in, Tensor lse) {
        try (Forward resumed = loss.resume(in.inputs(), lse);
                Gradients gradients = resumed.backward(SafeCall.request(c, data, in))) {
            assertThrows(IllegalStateException.class, resumed::loss, "a resumed forward has no loss");
            for (Gradient gradient : c.gradients()) {
                Agreement.gradient(gradient, c, data, expected.gradient(gradient),
                        Uploaded.values(SafeCall.of(gradients, gradient)));
            }
        }
    }

    private static Inputs withoutTargets(Inputs inputs) {
        return new Inputs(inputs.embeddings(), inputs.classifier(), null, inputs.bias(), null, null);
    }
}
