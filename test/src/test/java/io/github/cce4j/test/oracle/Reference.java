package io.github.cce4j.test.oracle;

import io.github.cce4j.DType;
import io.github.cce4j.Device;
import io.github.cce4j.FilterReport;
import io.github.cce4j.Gradient;
import io.github.cce4j.Reduction;
import io.github.cce4j.test.cases.Case;
import io.github.cce4j.test.cases.Data;
import io.github.cce4j.test.cases.Filter;
import io.github.cce4j.test.cases.Floats;
import java.util.Arrays;

/**
 * The formulas at the head of cce.h, written down as they stand, in double precision and with all logits in memory.
 * One object computes one case. Where a device may use TF32, forward's logits are those of factors that are rounded
 * just so, and nothing else is: results are as close to these as they are elsewhere to the exact ones.
 */
public final class Reference {

    /** Softmax entries this close to the threshold, relatively, may fall on either side of it in float32. */
    private static final double THRESHOLD_ROUNDING = 1e-3;

    /** Where a GPU lists what a filter keeps, it has room for so many entries a position at least. */
    private static final int LEAST_LISTED = 104;

    private final Device device;
    private final Case c;
    private final Data data;
    private final int classes;
    private final int hidden;
    private final double smoothing;
    private final double classWeightSum;
    private final double divisor;
    private final boolean tf32;
    private final double[][] logits;
    private final double[][] forwardLogits;
    private final double[][] slopes;
    private final double[] lse;

    private Reference(Device device, Case c, Data data) {
        this.device = device;
        this.c = c;
        this.data = data;
        classes = c.shape().classes();
        hidden = c.shape().hidden();
        smoothing = c.labelSmoothing();
        double weightSum = 0;
        for (int j = 0; j < classes; j++) {
            weightSum += classWeight(j);
        }
        classWeightSum = weightSum;
        double targetWeightSum = 0;
        for (int r = 0; r < c.rows(); r++) {
            if (!ignored(r)) {
                targetWeightSum += tokenWeight(r) * classWeight(target(r));
            }
        }
        divisor = c.reduction() == Reduction.MEAN ? targetWeightSum : 1;
        tf32 = c.runsInTf32(device);
        logits = new double[c.rows()][];
        forwardLogits = tf32 ? new double[c.rows()][] : logits;
        slopes = new double[c.rows()][];
        lse = new double[c.rows()];
        for (int r = 0; r < c.rows(); r++) {
            if (!ignored(r)) {
                computeLogits(r);
            }
        }
    }

    public static Expected of(Device device, Case c, Data data) {
        return new Reference(device, c, data).expected();
    }

    /** The log-sum-exp of every position, as where there are no targets. */
    public static double[] logSumExp(Device device, Case c, Data data) {
        Reference reference = new Reference(device, c, data);
        for (int r = 0; r < c.rows(); r++) {
            reference.computeLogits(r);
        }
        return reference.lse;
    }

    private Expected expected() {
        int rows = c.rows();
        double[] loss = new double[rows];
        double[] scale = new double[rows];
        double[] targetLogit = new double[rows];
        double[] entropy = new double[rows];
        int valid = 0;
        for (int r = 0; r < rows; r++) {
            if (ignored(r)) {
                continue;
            }
            valid++;
            targetLogit[r] = logits[r][target(r)];
            double ofTarget = classWeight(target(r)) * (1 - smoothing);
            // Below 0 only where the two were computed with factors that differ.
            loss[r] = ofTarget * Math.max(lse[r] - targetLogit[r], 0);
            scale[r] = ofTarget * (Math.abs(lse[r]) + Math.abs(targetLogit[r]));
            for (int j = 0; j < classes; j++) {
                double z = forwardLogits[r][j];
                double toLoss = classWeight(j) * smoothing / classes;
                loss[r] += toLoss * (lse[r] - z);
                scale[r] += toLoss * (Math.abs(lse[r]) + Math.abs(z));
                entropy[r] += Math.exp(z - lse[r]) * (lse[r] - z);
            }
            double zLoss = c.zLoss() * lse[r] * lse[r];
            loss[r] = tokenWeight(r) * (loss[r] + zLoss);
            scale[r] = tokenWeight(r) * (scale[r] + zLoss);
        }
        double embeddingsEps = Filter.eps(c.filter().embeddings(), c.dtype());
        double classifierEps = Filter.eps(c.filter().classifier(), c.dtype());
        double[] embeddingsDropped = dropped(embeddingsEps, valid);
        double[] classifierDropped = dropped(classifierEps, valid);
        boolean embeddingsExact = overLimit(embeddingsDropped);
        boolean classifierExact = overLimit(classifierDropped);
        double keptFrom = embeddingsExact ? 0 : embeddingsEps;
        double classifierKeptFrom = classifierExact ? 0 : classifierEps;
        GradientSums byEmbedding = gradients(keptFrom);
        GradientSums byClassifier = keptFrom == classifierKeptFrom ? byEmbedding : gradients(classifierKeptFrom);
        FilterReport report = new FilterReport(
                (float) (embeddingsExact ? 0 : embeddingsDropped[0]),
                (float) (embeddingsExact ? 0 : embeddingsDropped[1]),
                (float) (classifierExact ? 0 : classifierDropped[0]),
                (float) (classifierExact ? 0 : classifierDropped[1]),
                embeddingsExact, classifierExact);
        Expected expected = new Expected(reduce(loss), reduce(scale), lse, targetLogit, entropy, forwardLogits,
                byEmbedding.embeddings(), byClassifier.classifier(), byClassifier.bias(), report,
                new double[] {embeddingsDropped[2], embeddingsDropped[3], classifierDropped[2], classifierDropped[3]},
                valid, null);
        double leastEps = embeddingsEps > 0 && classifierEps > 0 ? Math.min(embeddingsEps, classifierEps)
                : Math.max(embeddingsEps, classifierEps);
        boolean isPointless = embeddingsExact || classifierExact || mostKept(leastEps) > (long) LEAST_LISTED * valid;
        return leastEps > 0 && listsEntries() && isPointless ? expected.or(gradients(0), exactReport()) : expected;
    }

    private boolean listsEntries() {
        return device.isCuda() && !device.kernels().equals("cuda-plain") && c.dtype() != DType.F32;
    }

    private FilterReport exactReport() {
        return new FilterReport(0, 0, 0, 0, c.wants(Gradient.EMBEDDINGS),
                c.wants(Gradient.CLASSIFIER) || c.wants(Gradient.BIAS));
    }

    /** How many entries a filter keeps, with those that it may keep or not. */
    private long mostKept(double eps) {
        long kept = 0;
        for (int r = 0; r < c.rows(); r++) {
            for (int j = 0; j < classes && !ignored(r); j++) {
                kept += !drops(r, j, eps) || isUnsure(r, j, eps) ? 1 : 0;
            }
        }
        return kept;
    }

    private void computeLogits(int r) {
        logits[r] = new double[classes];
        slopes[r] = new double[classes];
        forwardLogits[r] = tf32 ? new double[classes] : logits[r];
        double max = Double.NEGATIVE_INFINITY;
        for (int j = 0; j < classes; j++) {
            double bias = data.bias() == null ? 0 : data.bias()[j];
            double x = bias;
            for (int d = 0; d < hidden; d++) {
                x += (double) embedding(r, d) * classifier(j, d);
            }
            double tanh = c.softcap() == 0 ? 0 : Math.tanh(x / c.softcap());
            logits[r][j] = logit(x);
            slopes[r][j] = (1 - tanh * tanh) / c.temperature();
            forwardLogits[r][j] = tf32 ? logit(bias + roundedDot(r, j)) : logits[r][j];
            max = Math.max(max, forwardLogits[r][j]);
        }
        double sum = 0;
        for (int j = 0; j < classes; j++) {
            sum += Math.exp(forwardLogits[r][j] - max);
        }
        lse[r] = max + Math.log(sum);
    }

    private double roundedDot(int r, int j) {
        double sum = 0;
        for (int d = 0; d < hidden; d++) {
            sum += (double) Floats.roundToTf32(embedding(r, d)) * Floats.roundToTf32(classifier(j, d));
        }
        return sum;
    }

    private double logit(double x) {
        return (c.softcap() == 0 ? x : c.softcap() * Math.tanh(x / c.softcap())) / c.temperature();
    }

    private double[] reduce(double[] perPosition) {
        return switch (c.reduction()) {
            case NONE -> perPosition;
            case SUM -> new double[] {Arrays.stream(perPosition).sum()};
            case MEAN -> new double[] {divisor == 0 ? 0 : Arrays.stream(perPosition).sum() / divisor};
        };
    }

    /**
     * Mean and worst softmax mass of a valid position that a filter drops, then the same of the entries that it may drop
     * or not; nothing where all gradients vanish.
     */
    private double[] dropped(double eps, int valid) {
        if (divisor == 0 && data.gradLse() == null) {
            return new double[] {0, 0, 0, 0};
        }
        double sum = 0;
        double worst = 0;
        double doubtSum = 0;
        double worstDoubt = 0;
        for (int r = 0; r < c.rows(); r++) {
            if (!ignored(r)) {
                double mass = 0;
                double doubt = 0;
                for (int j = 0; j < classes; j++) {
                    mass += drops(r, j, eps) ? probability(r, j) : 0;
                    doubt += isUnsure(r, j, eps) ? probability(r, j) : 0;
                }
                sum += mass;
                worst = Math.max(worst, mass);
                doubtSum += doubt;
                worstDoubt = Math.max(worstDoubt, doubt);
            }
        }
        return new double[] {valid == 0 ? 0 : sum / valid, worst, valid == 0 ? 0 : doubtSum / valid, worstDoubt};
    }

    private boolean overLimit(double[] dropped) {
        return c.filter().limit() > 0 && dropped[0] > c.filter().limit();
    }

    private boolean isUnsure(int r, int j, double eps) {
        return eps > 0 && j != target(r) && Math.abs(probability(r, j) / eps - 1) < THRESHOLD_ROUNDING;
    }

    private boolean drops(int r, int j, double eps) {
        return j != target(r) && probability(r, j) < eps;
    }

    /** All three gradients under one threshold. */
    private GradientSums gradients(double eps) {
        GradientSums sums = new GradientSums(c.shape());
        for (int r = 0; r < c.rows(); r++) {
            if (ignored(r)) {
                continue;
            }
            double ofLoss = lossGradient(r) * tokenWeight(r);
            double ofSoftmax = ofLoss * ((1 - smoothing) * classWeight(target(r)) + smoothing / classes * classWeightSum
                    + 2 * c.zLoss() * lse[r]) + (data.gradLse() == null ? 0 : data.gradLse()[r]);
            for (int j = 0; j < classes; j++) {
                double p = probability(r, j);
                double kept = drops(r, j, eps) ? 0 : ofSoftmax * p;
                double direct = ofLoss * classWeight(j) * share(r, j);
                boolean unsure = isUnsure(r, j, eps);
                double slope = slopes[r][j];
                sums.add(c.tokenOf(r), j, data, (kept - direct) * slope, (Math.abs(kept) + Math.abs(direct)) * slope,
                        unsure ? Math.abs(ofSoftmax * p * slope) : 0);
            }
        }
        return sums;
    }

    /** The share of class j in the smoothed label of position r. */
    private double share(int r, int j) {
        return smoothing / classes + (j == target(r) ? 1 - smoothing : 0);
    }

    private double lossGradient(int r) {
        double given = data.gradLoss() == null ? 1 : data.gradLoss()[c.reduction() == Reduction.NONE ? r : 0];
        return divisor == 0 ? 0 : given / divisor;
    }

    private double probability(int r, int j) {
        return Math.exp(logits[r][j] - lse[r]);
    }

    private boolean ignored(int r) {
        return data.targets()[c.targetOf(r)] == c.ignoreIndex();
    }

    private int target(int r) {
        return (int) data.targets()[c.targetOf(r)];
    }

    private double classWeight(int j) {
        return data.classWeights() == null ? 1 : data.classWeights()[j];
    }

    private double tokenWeight(int r) {
        return data.tokenWeights() == null ? 1 : data.tokenWeights()[c.targetOf(r)];
    }

    private float embedding(int r, int d) {
        return data.embeddings()[c.tokenOf(r) * hidden + d];
    }

    private float classifier(int j, int d) {
        return data.classifier()[j * hidden + d];
    }
}
