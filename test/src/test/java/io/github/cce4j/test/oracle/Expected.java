package io.github.cce4j.test.oracle;

import io.github.cce4j.FilterReport;
import io.github.cce4j.Gradient;

/**
 * What a case must give, in double precision.
 *
 * @param loss      one entry for mean and sum, R without a reduction
 * @param lossScale for each entry of the loss, the size of the terms that it is the difference of
 * @param logits    as forward computes them, row by row; null where the position is ignored
 * @param reportDoubt mass of entries that are equal to a threshold within rounding, in the order of the report's masses
 * @param valid     positions that are not ignored
 * @param exact     what it must be if the report says that nothing was dropped since that would save nothing; null
 *                  where that may not be
 */
public record Expected(
        double[] loss, double[] lossScale, double[] lse, double[] targetLogit, double[] entropy, double[][] logits,
        Array embeddings, Array classifier, Array bias, FilterReport report,
        double[] reportDoubt, int valid, Expected exact) {

    /**
     * A gradient.
     *
     * @param values    what it must be, without what the buffer held before
     * @param gross     the norm of the same sums over absolute values: what rounding errors are measured against where
     *                  terms cancel
     * @param slack     the norm of what may be missing or not, from softmax entries that are equal to the filter's
     *                  threshold within rounding
     * @param untouched entries that nothing contributes to: exactly zero, or what the buffer held before
     */
    public record Array(double[] values, double gross, double slack, boolean[] untouched) {

        /** The values of another oracle, to be judged as these. */
        public Array replacing(double[] others) {
            return new Array(others, gross, slack, untouched);
        }
    }

    /** The same where nothing may be dropped either: with these gradients and this report then. */
    Expected or(GradientSums exact, FilterReport exactReport) {
        return new Expected(loss, lossScale, lse, targetLogit, entropy, logits, embeddings, classifier, bias, report,
                reportDoubt, valid, new Expected(loss, lossScale, lse, targetLogit, entropy, logits,
                        exact.embeddings(), exact.classifier(), exact.bias(), exactReport, new double[4], valid, null));
    }

    /** What a result with this report, or null, is judged by. */
    Expected judging(FilterReport actual) {
        return exact != null && exact.report.equals(actual) ? exact : this;
    }

    public Array gradient(Gradient gradient) {
        return switch (gradient) {
            case EMBEDDINGS -> embeddings;
            case CLASSIFIER -> classifier;
            case BIAS -> bias;
        };
    }
}
