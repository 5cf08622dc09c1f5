package io.github.cce4j.test.oracle;

import io.github.cce4j.Reduction;
import io.github.cce4j.test.cases.Case;
import io.github.cce4j.test.cases.Data;
import org.bytedeco.javacpp.DoublePointer;
import org.bytedeco.javacpp.PointerScope;
import org.bytedeco.pytorch.Scalar;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.TensorOptional;
import org.bytedeco.pytorch.global.torch;

/**
 * What libtorch itself makes of a case, in float64 on the CPU: cross_entropy and what can be composed around it, the
 * gradients by autograd. It has no filter.
 */
public final class Libtorch {

    /** As {@code cross_entropy_loss} numbers its reductions. */
    private static final int NONE = 0;
    private static final int MEAN = 1;
    private static final int SUM = 2;

    private final Case c;
    private final Data data;

    private Libtorch(Case c, Data data) {
        this.c = c;
        this.data = data;
    }

    /** Loss, lse and gradients; what nobody asked for is null. */
    public record Values(double[] loss, double[] lse, double[] embeddings, double[] classifier, double[] bias) {}

    public static Values of(Case c, Data data) {
        try (PointerScope scope = new PointerScope()) {
            return new Libtorch(c, data).values();
        }
    }

    private Values values() {
        int hidden = c.shape().hidden();
        Tensor embeddings = tensor(data.embeddings(), c.shape().batch(), c.shape().time(), hidden).requires_grad_(true);
        Tensor classifier = tensor(data.classifier(), c.shape().classes(), hidden).requires_grad_(true);
        Tensor bias = data.bias() == null ? null : tensor(data.bias(), c.shape().classes()).requires_grad_(true);

        Tensor z = embeddings.narrow(1, 0, c.shape().time() - c.shift()).reshape(c.rows(), hidden)
                .matmul(classifier.t());
        z = bias == null ? z : z.add(bias);
        z = c.softcap() == 0 ? z : z.div(new Scalar(c.softcap())).tanh().mul(new Scalar(c.softcap()));
        z = z.div(new Scalar(c.temperature()));
        Tensor lse = z.logsumexp(1).mul(validMask());
        Tensor loss = loss(z, lse);

        Tensor objective = data.gradLoss() == null ? loss.sum() : loss.reshape(-1).mul(tensor(data.gradLoss())).sum();
        if (data.gradLse() != null) {
            objective = objective.add(lse.mul(tensor(data.gradLse())).sum());
        }
        objective.backward();
        return new Values(doubles(loss), doubles(lse), doubles(embeddings.grad()), doubles(classifier.grad()),
                bias == null ? null : doubles(bias.grad()));
    }

    /** Its own reductions where it has the options, and otherwise composed of its losses of single positions. */
    private Tensor loss(Tensor z, Tensor lse) {
        boolean own = c.tokenWeights() == Case.Weights.ABSENT && c.zLoss() == 0;
        int reduction = !own ? NONE : switch (c.reduction()) {
            case NONE -> NONE;
            case MEAN -> MEAN;
            case SUM -> SUM;
        };
        TensorOptional weight = data.classWeights() == null ? new TensorOptional()
                : new TensorOptional(tensor(data.classWeights()));
        Tensor loss = torch.cross_entropy_loss(z, targets(), weight, reduction, c.ignoreIndex(), c.labelSmoothing());
        if (own) {
            return loss;
        }
        loss = loss.add(lse.square().mul(new Scalar(c.zLoss())));
        double[] weights = new double[c.rows()];
        double divisor = 0;
        for (int r = 0; r < weights.length; r++) {
            weights[r] = data.tokenWeights() == null ? 1 : data.tokenWeights()[c.targetOf(r)];
            long target = data.targets()[c.targetOf(r)];
            if (target != c.ignoreIndex()) {
                divisor += weights[r] * (data.classWeights() == null ? 1 : data.classWeights()[(int) target]);
            }
        }
        loss = loss.mul(Tensor.create(weights, weights.length));
        return switch (c.reduction()) {
            case NONE -> loss;
            case SUM -> loss.sum();
            case MEAN -> loss.sum().div(new Scalar(divisor));
        };
    }

    private Tensor targets() {
        long[] targets = new long[c.rows()];
        for (int r = 0; r < targets.length; r++) {
            targets[r] = data.targets()[c.targetOf(r)];
        }
        return Tensor.create(targets, targets.length);
    }

    private Tensor validMask() {
        double[] mask = new double[c.rows()];
        for (int r = 0; r < mask.length; r++) {
            mask[r] = data.targets()[c.targetOf(r)] == c.ignoreIndex() ? 0 : 1;
        }
        return Tensor.create(mask, mask.length);
    }

    /** Whether libtorch has an answer: the mean over nothing is NaN there, and 0 here. */
    public static boolean defines(Case c, Expected expected) {
        return c.rows() > 0 && (c.reduction() != Reduction.MEAN || expected.lossScale()[0] > 0);
    }

    private static Tensor tensor(float[] values, long... shape) {
        double[] wide = new double[values.length];
        for (int i = 0; i < wide.length; i++) {
            wide[i] = values[i];
        }
        return Tensor.create(wide, shape.length == 0 ? new long[] {wide.length} : shape);
    }

    private static double[] doubles(Tensor tensor) {
        double[] values = new double[(int) tensor.numel()];
        new DoublePointer(tensor.detach().contiguous().data_ptr_double()).get(values);
        return values;
    }
}
