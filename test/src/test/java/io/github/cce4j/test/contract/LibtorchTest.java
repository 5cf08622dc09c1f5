package io.github.cce4j.test.contract;

import io.github.cce4j.Device;
import io.github.cce4j.Gradient;
import io.github.cce4j.test.Devices;
import io.github.cce4j.test.cases.Case;
import io.github.cce4j.test.cases.Case.Destination;
import io.github.cce4j.test.cases.Cases;
import io.github.cce4j.test.cases.Data;
import io.github.cce4j.test.oracle.Agreement;
import io.github.cce4j.test.oracle.Expected;
import io.github.cce4j.test.oracle.Libtorch;
import io.github.cce4j.test.oracle.Reference;
import io.github.cce4j.test.oracle.Result;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.DynamicNode;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.TestFactory;

/** The same cases against libtorch's cross_entropy and autograd, and the reference against them in double precision. */
@Tag("contract")
@Tag("libtorch")
class LibtorchTest {

    /** Two computations in double precision, in different orders. */
    private static final double DOUBLE = 1e-10;

    @BeforeAll
    static void requireLibtorch() {
        Assumptions.assumeTrue(isPresent(), "libtorch is not on the class path");
    }

    /** The portable bundle has none. */
    private static boolean isPresent() {
        try {
            Class.forName("org.bytedeco.pytorch.Tensor", false, LibtorchTest.class.getClassLoader());
            return true;
        } catch (ClassNotFoundException e) {
            return false;
        }
    }

    @TestFactory
    Stream<DynamicNode> agreesWithLibtorch() {
        List<Case> cases = Cases.all().stream().filter(c -> c.rows() > 0)
                .filter(c -> c.destination() != Destination.ACCUMULATE)
                .map(Case::exact).toList();
        return Devices.each("case", cases, LibtorchTest::check);
    }

    private static void check(Device device, Case c) {
        Data data = Data.of(c);
        Expected expected = Reference.of(device, c, data);
        Assumptions.assumeTrue(Libtorch.defines(c, expected), "libtorch's mean over nothing is NaN");
        Libtorch.Values torch = Libtorch.of(c, data);
        near("loss", torch.loss(), expected.loss());
        near("lse", torch.lse(), expected.lse());
        near("dE", torch.embeddings(), expected.embeddings().values());
        near("dC", torch.classifier(), expected.classifier().values());
        if (c.hasBias()) {
            near("db", torch.bias(), expected.bias().values());
        }
        Result actual = SafeCall.run(device, c, data);
        Agreement.closeToScale("loss", torch.loss(), expected.lossScale(), actual.loss());
        Agreement.closeToScale("lse", torch.lse(), Agreement.atLeastOne(torch.lse()), actual.lse());
        for (Gradient gradient : c.gradients()) {
            double[] values = switch (gradient) {
                case EMBEDDINGS -> torch.embeddings();
                case CLASSIFIER -> torch.classifier();
                case BIAS -> torch.bias();
            };
            Agreement.gradient(gradient, c, data, expected.gradient(gradient).replacing(values),
                    actual.gradient(gradient));
        }
    }

    private static void near(String name, double[] torch, double[] reference) {
        double[] error = new double[torch.length];
        for (int i = 0; i < error.length; i++) {
            error[i] = torch[i] - reference[i];
        }
        if (!(Agreement.norm(error) <= DOUBLE * Math.max(1, Agreement.norm(torch)))) {
            throw new AssertionError("the reference's " + name + " is not libtorch's: error " + Agreement.norm(error)
                    + " of " + Agreement.norm(torch));
        }
    }
}
